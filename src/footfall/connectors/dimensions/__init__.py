"""Where dimension tables come from: files and databases, read again when they change."""
