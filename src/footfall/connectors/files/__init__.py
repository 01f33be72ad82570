"""Files as a source of events: formats, compression, mapping."""
