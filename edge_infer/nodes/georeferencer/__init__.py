"""The georeferencer node: detections become sightings."""
