"""Drawings as SVG text that fits any width: places across are percent, heights and letters are pixels.

An SVG with a view box scales its letters with it, so that they are too small on a telephone and too large on a wide
screen. Here nothing but the map has one: what lies across is given in percent of the width, which the page decides.
Colours are classes (`c-KIND`, `s-0` to `s-5`) of the style sheet in `colours`.

Source: SVG 1.1 (Second Edition), sections 7.10 (units) and 5.1.2 (nested svg elements clip what is in them).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from pipeline.cards.plots.colours import STYLE
from pipeline.model.visible import on_one_line

MOST_LETTERS = 400
"""Of a foreign text in a drawing."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One drawing; `name` is its id in a page and the name of its file.

    >>> print(Figure("n", "A line", "One line.", 4, line(0, 2, 50, 2)).svg())
    <svg id="n" role="img" aria-labelledby="n-t n-d" width="100%" height="4"><title id="n-t">A line</title>\
<desc id="n-d">One line.</desc><line x1="0%" y1="2" x2="50%" y2="2"/></svg>
    """

    name: str
    title: str
    description: str
    """What the drawing says, for who does not see it."""
    height: int
    """Pixels; with a view box its height."""
    body: str
    view: int = 0
    """Width of the view box of a drawing that scales as a whole; 0: none."""
    rows: bool = False
    """Whether it is of rows with labels beside them, which a page does not draw too far apart."""

    def svg(self, width: str = "100%") -> str:
        """Return the drawing as an element of a page."""
        size = f'viewBox="0 0 {self.view} {self.height}"' if self.view else f'height="{self.height}"'
        kind = ' class="rows"' if self.rows else ""
        told = f'role="img" aria-labelledby="{self.name}-t {self.name}-d"'
        return (
            f'<svg id="{self.name}"{kind} {told} width="{width}" {size}>'
            f'<title id="{self.name}-t">{escape(shown(self.title))}</title>'
            f'<desc id="{self.name}-d">{escape(shown(self.description))}</desc>{self.body}</svg>'
        )

    def file(self, width: int = 960) -> str:
        """Return the drawing as a file of its own, `width` pixels wide, with the colours of the light scheme."""
        text = self.svg(str(width)).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
        at = text.index("<title")
        return f"{text[:at]}<style>{STYLE}</style>{text[at:]}\n"


def shown(value: object) -> str:
    r"""Return foreign text as a drawing shows it: on one line, steering characters written out, not endless.

    >>> shown("a\u202eb"), len(shown("x" * 999))
    ('a\\u202eb', 400)
    """
    text = on_one_line(str(value))
    return text if len(text) <= MOST_LETTERS else text[: MOST_LETTERS - 1] + "…"


def number(value: float) -> str:
    """Return a number with at most two decimals.

    >>> number(33.3333), number(50.0), number(-0.001)
    ('33.33', '50', '0')
    """
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def box(x: float, y: float, width: float, height: float, kind: str, title: str = "") -> str:
    """Return a rectangle; `x` and `width` are percent, `title` is said of it.

    >>> box(10, 0, 25, 12, "c-kept", "kept: 5")
    '<rect x="10%" y="0" width="25%" height="12" class="c-kept"><title>kept: 5</title></rect>'
    """
    head = f'<rect x="{number(x)}%" y="{number(y)}" width="{number(width)}%" height="{number(height)}" class="{kind}"'
    return f"{head}><title>{escape(shown(title))}</title></rect>" if title else f"{head}/>"


def dot(x: float, y: float, radius: float, kind: str, title: str = "") -> str:
    """Return a circle; `x` is percent.

    >>> dot(10, 6, 5, "c-kept")
    '<circle cx="10%" cy="6" r="5" class="c-kept"/>'
    """
    head = f'<circle cx="{number(x)}%" cy="{number(y)}" r="{number(radius)}" class="{kind}"'
    return f"{head}><title>{escape(shown(title))}</title></circle>" if title else f"{head}/>"


def line(x: float, y: float, to_x: float, to_y: float, kind: str = "") -> str:
    """Return a line; `x` and `to_x` are percent.

    >>> line(0, 1, 100, 1, "grid")
    '<line x1="0%" y1="1" x2="100%" y2="1" class="grid"/>'
    """
    named = f' class="{kind}"' if kind else ""
    return f'<line x1="{number(x)}%" y1="{number(y)}" x2="{number(to_x)}%" y2="{number(to_y)}"{named}/>'


def words(x: float, y: float, text: object, kind: str = "", shift: int = 0) -> str:
    """Return letters whose base line is at `y`; `x` is percent, `shift` pixels beyond it; `kind`: end or middle.

    >>> words(30, 12, "a < b", "end", -4)
    '<text x="30%" y="12" dx="-4" class="end">a &lt; b</text>'
    """
    moved = f' dx="{shift}"' if shift else ""
    named = f' class="{kind}"' if kind else ""
    return f'<text x="{number(x)}%" y="{number(y)}"{moved}{named}>{escape(shown(text))}</text>'


def window(x: float, y: float, width: float, height: float, inside: Iterable[str]) -> str:
    """Return a part of a drawing, beyond whose edges nothing is seen; places in it are percent of its own width.

    >>> window(0, 0, 30, 12, ["<g/>"])
    '<svg x="0%" y="0" width="30%" height="12"><g/></svg>'
    """
    size = f'width="{number(width)}%" height="{number(height)}"'
    return f'<svg x="{number(x)}%" y="{number(y)}" {size}>{"".join(inside)}</svg>'


def upright(x: float, y: float, text: object) -> str:
    """Return small letters that run upwards from `y`, their middle at `x`, which is percent.

    >>> upright(30, 60, "gbif")
    '<svg x="30%" y="60" width="1" height="1" class="upright"><text x="0" y="4" class="small">gbif</text></svg>'
    """
    return (
        f'<svg x="{number(x)}%" y="{number(y)}" width="1" height="1" class="upright">'
        f'<text x="0" y="4" class="small">{escape(shown(text))}</text></svg>'
    )
