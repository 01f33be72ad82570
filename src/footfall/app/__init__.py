"""The wiring: one configuration in, one running system out."""
