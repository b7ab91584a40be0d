"""Bytes to everybody at once, and from whoever holds them."""
