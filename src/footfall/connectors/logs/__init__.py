"""Logs of applications: files that grow and rotate, followed line by line, and what their lines say."""
