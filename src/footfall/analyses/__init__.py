"""One question a file: a frozen spec that becomes an answer."""
