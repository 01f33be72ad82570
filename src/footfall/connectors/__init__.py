"""One outside system a file: its source, its sink."""
