"""The front door: a request becomes events in the log, or named drops."""
