"""Conditions on what arrives, and the alerts they raise."""

from footfall.rules.threshold import Threshold

__all__ = ["Threshold"]
