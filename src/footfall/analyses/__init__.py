"""One question a file: a frozen spec that becomes a relation or a walk."""

from footfall.analyses.abandonment import Abandonment
from footfall.analyses.active import Active
from footfall.analyses.funnel import Funnel
from footfall.analyses.movers import Movers
from footfall.analyses.paths import Paths
from footfall.analyses.profile import Profile
from footfall.analyses.retention import Retention
from footfall.analyses.sessions import Sessions
from footfall.analyses.transitions import Transitions
from footfall.analyses.trends import Trends

__all__ = ["Abandonment", "Active", "Funnel", "Movers", "Paths", "Profile", "Retention", "Sessions", "Transitions", "Trends"]
