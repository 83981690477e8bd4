"""Which queries against which gallery, and what comes of it."""
