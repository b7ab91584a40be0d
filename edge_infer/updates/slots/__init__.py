"""Two places for a model on a drone's disk, of which one always boots."""
