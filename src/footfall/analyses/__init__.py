"""One question a file: a frozen spec that becomes a relation or a walk."""

from footfall.analyses.abandonment import Abandonment
from footfall.analyses.active import Active
from footfall.analyses.movers import Movers
from footfall.analyses.profile import Profile
from footfall.analyses.trends import Trends

__all__ = ["Abandonment", "Active", "Movers", "Profile", "Trends"]
