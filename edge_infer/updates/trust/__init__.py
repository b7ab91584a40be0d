"""Which release is genuine and newest: keys, roles and signed metadata, by The Update Framework."""
