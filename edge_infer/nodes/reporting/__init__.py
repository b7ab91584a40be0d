"""What nodes tell of themselves: counters, durations, /diagnostics, warnings."""
