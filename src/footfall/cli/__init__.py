"""The command line: one face of the menu, no logic."""
