"""Sending to a collector as its clients do: one connection that tries again, and the bodies of several SDKs."""
