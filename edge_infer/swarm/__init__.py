"""Many drones on one machine: their processes, what is seen of them, and the report."""
