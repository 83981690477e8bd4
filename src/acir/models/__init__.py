"""From tensor to encoding: the network."""
