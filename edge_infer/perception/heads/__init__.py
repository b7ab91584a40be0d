"""One file per family of detection heads: what its outputs mean, and how to tell them."""
