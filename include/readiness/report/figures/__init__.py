"""The figures of one scenario, one module per kind of figure, drawn by matplotlib as inline SVG.

Lives here: aggregation of evidence for the eye (never more points than a figure has room for) and its drawing.
Must not live here: numbers that a verdict rests on; those are computed in ``readiness.analysis``. matplotlib is
imported inside of functions only: most callers of this package's siblings never draw.
"""

from readiness.report.figures.canvas import Figure, LegendItem
from readiness.report.figures.gallery import draw_all

__all__ = ["Figure", "LegendItem", "draw_all"]
