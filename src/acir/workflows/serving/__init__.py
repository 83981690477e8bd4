"""`acir serve`: what a server keeps between requests, and the verbs that it calls."""
