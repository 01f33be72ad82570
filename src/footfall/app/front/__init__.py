"""The running project: the front door, the way from the log to the lake, and what people do with both."""
