"""The browser tag: one script that the collector hands out, and that sends to the native endpoint."""

from footfall.collect.tag.serve import BrowserTag

__all__ = ["BrowserTag"]
