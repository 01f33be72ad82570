"""The durable append-only log between the front door and everything that reads events."""
