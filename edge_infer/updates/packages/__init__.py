"""The files of a release as few bytes: whole, or what changed since a bundle that flies."""
