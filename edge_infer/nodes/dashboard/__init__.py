"""The dashboard node: the page, and the ears of whoever watches a fleet."""
