"""The heartbeat node: who is alive."""
