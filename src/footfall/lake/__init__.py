"""Parquet tables under Delta: write, commit, compact, erase, list."""
