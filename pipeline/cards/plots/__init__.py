"""Drawings: numbers in, SVG text out, which fits any width and loads nothing."""

from pipeline.cards.plots.bars import Bar, bar, bars, shares
from pipeline.cards.plots.colours import DARK_PROPERTIES, KINDS, MARKS, PROPERTIES, STEPS
from pipeline.cards.plots.curves import curves
from pipeline.cards.plots.dots import Dot, dots
from pipeline.cards.plots.heat import heat
from pipeline.cards.plots.histogram import columns
from pipeline.cards.plots.labels import shortened
from pipeline.cards.plots.line_frame import Curve
from pipeline.cards.plots.scale import written
from pipeline.cards.plots.svg import Figure, shown
from pipeline.cards.plots.treemap import Leaf, treemap
from pipeline.cards.plots.world_map import world_map

__all__ = [
    "DARK_PROPERTIES",
    "KINDS",
    "MARKS",
    "PROPERTIES",
    "STEPS",
    "Bar",
    "Curve",
    "Dot",
    "Figure",
    "Leaf",
    "bar",
    "bars",
    "columns",
    "curves",
    "dots",
    "heat",
    "shares",
    "shortened",
    "shown",
    "treemap",
    "world_map",
    "written",
]
