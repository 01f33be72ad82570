"""What programs and people see of the live path: read in one place, shown over HTTP, on the command line and in Python."""
