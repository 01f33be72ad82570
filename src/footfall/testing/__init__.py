"""Fakes also given to users: faulty sources, faulty disks."""
