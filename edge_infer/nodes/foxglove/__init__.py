"""Topics of a fleet for Foxglove, on every runtime."""
