"""Wiring only: a node connects topics, parameters and timers to the pure rooms."""
