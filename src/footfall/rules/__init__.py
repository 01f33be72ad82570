"""Conditions on what arrives, and the alerts they raise."""

from footfall.rules.absence import Absence
from footfall.rules.repeat import Repeat
from footfall.rules.score import Score
from footfall.rules.sequence import Sequence
from footfall.rules.spike import Spike
from footfall.rules.threshold import Threshold

__all__ = ["Absence", "Repeat", "Score", "Sequence", "Spike", "Threshold"]
