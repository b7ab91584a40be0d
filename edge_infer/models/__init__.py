"""Model bundles: a manifest with its weight files, and the bundle that ships."""
