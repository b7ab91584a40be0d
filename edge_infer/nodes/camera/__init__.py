"""The camera node and where its frames come from."""
