"""What each network learns: its batches, its loss, and what it is worth."""
