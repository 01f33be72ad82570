"""The live path of a project: its declarations, and the process that takes the log to views, alerts and the lake."""
