"""Whole systems built with footfall's public rooms: a shop, and what users copy from it."""
