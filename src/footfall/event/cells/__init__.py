"""Cells of bytes to typed columns: text, numbers, truths, times and JSON, compiled.  Slices in, arrays out; no I/O."""
