"""Where alerts go: one system a file, each told which delivery it gives."""
