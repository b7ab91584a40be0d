"""Every benchmark that the documentation quotes; each measures both sides in one run."""
