"""Blocks of the log become tables: events, dead letters, lines of application logs, joins of identities."""

from footfall.collect.settle.settler import Settled, Settler, joined

__all__ = ["Settled", "Settler", "joined"]
