"""The shapes of charts: each takes a Chart and rows, and gives a Plotly figure without its dress.

Plotly takes half a second to import, so nothing imports this room before a chart is asked for.
"""

from footfall.analyses.drawing.flows import funnel, sankey
from footfall.analyses.drawing.grids import heatmap, table
from footfall.analyses.drawing.series import bars, lines

__all__ = ["bars", "funnel", "heatmap", "lines", "sankey", "table"]
