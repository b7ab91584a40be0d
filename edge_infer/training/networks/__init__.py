"""The two networks of a detector: what finds things, and what says what they are."""
