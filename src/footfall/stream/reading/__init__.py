"""What `Columns` is made of: references, plain columns and their text, filters as masks, hashes of keys."""
