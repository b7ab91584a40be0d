"""Sightings become one truth: every replica computes the same targets from the same set."""
