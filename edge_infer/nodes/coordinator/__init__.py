"""The coordinator node: a replica of the fleet's sightings, its links and its targets."""
