"""Two trained networks become a bundle: files for every engine, checked, with their card."""
