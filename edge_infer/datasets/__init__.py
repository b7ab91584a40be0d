"""Labelled frames to learn from and to be judged on: composed, rendered, or a user's own."""
