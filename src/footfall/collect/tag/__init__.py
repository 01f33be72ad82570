"""The browser tag: one script that the collector hands out, and that sends to the native endpoint."""

from footfall.collect.tag.serve import answer_tag

__all__ = ["answer_tag"]
