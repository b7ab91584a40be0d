"""Targets on corrected positions: what all sightings together say, worked out from nothing."""
