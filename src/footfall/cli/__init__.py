"""The command line: one face of the menu, without logic of its own."""
