"""Threads beside the executor: the newest frame first, slow work, and work that gives way."""
