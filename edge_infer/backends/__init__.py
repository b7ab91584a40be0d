"""One file per inference engine, all with the same verbs."""
