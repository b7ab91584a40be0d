"""A frame becomes sightings: preprocess, infer, decode, place on the ground."""
