"""The wire protocols that the front door understands, one vendor a module."""

from footfall.collect.protocols.segment import Segment

__all__ = ["Segment"]
