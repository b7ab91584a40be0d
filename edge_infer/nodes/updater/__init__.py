"""The updater node: new models for one drone, and the transfer that brings them."""
