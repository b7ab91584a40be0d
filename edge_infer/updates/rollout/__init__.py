"""A release on its way through the fleet, judged while it flies."""
