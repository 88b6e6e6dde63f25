"""The colours of drawings, as a style sheet: what a mark means, and steps from few to many, on light and on dark.

Kinds have the colours of Okabe and Ito, which people with two kinds of cones tell apart; no meaning is in a colour
alone, as every mark has its place and its label. Steps are six of viridis without its ends, which are hard to see on
white and on black; on a dark page they are turned, so that more is farther from the background on both.

Sources: M. Okabe, K. Ito, Color Universal Design (2008); S. van der Walt, N. Smith, viridis (CC0, matplotlib 1.5).
"""

from __future__ import annotations

KINDS: dict[str, tuple[str, str]] = {
    "kept": ("#0072b2", "#3d9ad6"),
    "copies": ("#e69f00", "#e69f00"),
    "leak": ("#d55e00", "#e8702a"),
    "names": ("#cc79a7", "#d98cb7"),
    "fetch": ("#56b4e9", "#7cc8f2"),
    "rights": ("#009e73", "#1fb98b"),
    "source": ("#777777", "#9a9a9a"),
    "choice": ("#f0e442", "#f0e442"),
}
"""Colour of each kind of outcome, on a light and on a dark page."""
STEPS = ("#addc30", "#5cc863", "#1fa188", "#287c8e", "#38598c", "#463480")
"""From few to many on a light page."""
FILLS = ("#a6cee3", "#b2df8a", "#fdbf6f", "#cab2d6", "#fb9a99", "#d9d07c")
"""Of groups beside each other, under dark letters on every page; what they are is written in them."""
_ON = ("#111", "#fff")
"""Letters on the first three steps, and on the others, of a light page; on a dark one they change places."""


def _properties(scheme: int) -> str:
    steps = STEPS if scheme == 0 else tuple(reversed(STEPS))
    colours = [f"--{kind}:{pair[scheme]}" for kind, pair in KINDS.items()]
    low, high = _ON if scheme == 0 else reversed(_ON)
    letters = [f"--on:{low}", f"--on-high:{high}"]
    return ";".join([*colours, *letters, *(f"--s{at}:{colour}" for at, colour in enumerate(steps))])


PROPERTIES = _properties(0)
"""Declarations of the colours of a light page."""
DARK_PROPERTIES = _properties(1)

MARKS = "".join(
    [
        *(f".c-{kind}{{fill:var(--{kind});stroke:currentColor;stroke-width:.5}}" for kind in KINDS),
        *(f".s-{at}{{fill:var(--s{at})}}.m-{at}{{stroke:var(--s{at})}}" for at in range(len(STEPS))),
        ".c-source{stroke-dasharray:2 2;stroke-width:1}",
        "svg text{font:12px system-ui,sans-serif;fill:currentColor}svg .end{text-anchor:end}"
        "svg .middle{text-anchor:middle}svg .small{font-size:11px}",
        "svg line,svg .axis{stroke:currentColor;stroke-width:1}svg .grid{stroke-opacity:.18}svg .joint{stroke-width:2}"
        "svg .on{fill:var(--on)}svg .on-high{fill:var(--on-high)}svg .upright{overflow:visible}"
        "svg .upright text{transform:rotate(-90deg)}",
        "svg .leaf{stroke:var(--ground,#fff);stroke-width:1}svg .group{fill:none;stroke:currentColor;stroke-width:2}"
        "svg .in{fill:#111}.t-rest{fill:#ccc;stroke-dasharray:3 2}",
        *(f".t-{at}{{fill:{colour}}}" for at, colour in enumerate(FILLS)),
        ".land{fill:currentColor;fill-opacity:.12}.sphere{fill:none;stroke:currentColor;stroke-opacity:.4}"
        ".cells{fill:none;stroke-linecap:square;stroke-width:4.8}.rim{stroke:currentColor;stroke-width:5.8;stroke-opacity:.6}",
        ".curve{fill:none;stroke-width:2;vector-effect:non-scaling-stroke}.curve.kept{stroke:var(--kept)}"
        ".curve.source{stroke:currentColor;stroke-dasharray:5 4;stroke-opacity:.75}"
        ".curve.copies{stroke:var(--leak);stroke-dasharray:2 3}",
    ]
)
"""What marks of each class look like; the colours are the page's."""
STYLE = f"svg{{{PROPERTIES};color:#222;background:#fff}}{MARKS}"
"""All of it for a drawing in a file of its own."""
