"""A detector that somebody else trained becomes a bundle."""
