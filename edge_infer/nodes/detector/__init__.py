"""The detector node: its model, the engines behind it, and how another one takes over."""
