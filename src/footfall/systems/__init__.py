"""The reference systems, one folder each."""
