"""report.html: one file that asks nothing of anybody, and `catalog/report.json` with the numbers that it states."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import duckdb

from manifests import Recipe
from pipeline.cards.croissant import html_safe
from pipeline.cards.plots import DARK_PROPERTIES, MARKS, PROPERTIES
from pipeline.cards.plots.svg import MOST_LETTERS
from pipeline.cards.sections import Asked, Chart, Section, Shots, file_name, sections_of
from pipeline.cards.sections.kinds import WORDS
from pipeline.cards.templates import template
from pipeline.storage.places import Place

REPORT_SCHEMA = 1
"""Of report.json: raised when what a key means changes."""


def report_sections(
    con: duckdb.DuckDBPyConnection, root: Place, recipe: Recipe, images: Place | None = None
) -> list[Section]:
    """Return the sections of the report of a run, whose catalog the connection has open.

    `images`: the run's folder as its pictures are read from it, where that is another.
    """
    return list(sections_of(Asked(con, root, recipe), Shots(images or root)))


def report_page(recipe: Recipe, sections: Sequence[Section]) -> str:
    """Return the report of a run as one HTML file."""
    return page("Report of a run", recipe.name, recipe.description, sections)


def page(kind: str, name: str, description: str, sections: Sequence[Section]) -> str:
    """Return a report of any kind as one HTML file that loads nothing and runs nothing; equal sections, equal bytes."""
    return template("report.html.jinja", escape=True).render(
        kind=kind, name=name, description=description, sections=sections, kinds=WORDS, style=_style()
    )


def report_facts(recipe: Recipe, sections: Sequence[Section]) -> str:
    """Return the numbers of the report as JSON: `sections` has what each states, by its id."""
    document = {
        "schema": REPORT_SCHEMA,
        "recipe": recipe.name,
        "sections": {section.id: {"answer": section.answer, **section.facts} for section in sections},
    }
    return html_safe(json.dumps(_cut(document), indent=1, ensure_ascii=False, allow_nan=False)) + "\n"


def _cut(value: Any) -> Any:
    """Return a value whose texts are no longer than a drawing shows them: what records say may have any length."""
    if isinstance(value, str):
        return value if len(value) <= MOST_LETTERS else value[: MOST_LETTERS - 1] + "…"
    if isinstance(value, dict):
        return {key: _cut(each) for key, each in value.items()}
    return [_cut(each) for each in value] if isinstance(value, list | tuple) else value


def figures(sections: Sequence[Section]) -> dict[str, str]:
    """Return every figure of a report as the text of an SVG file, by its name."""
    found: dict[str, str] = {}
    for section in sections:
        for part in section.parts:
            if isinstance(part, Chart):
                found |= {file_name(section.id, figure): figure.file() for figure in part.figures}
    return found


def _style() -> str:
    text = files("pipeline.cards").joinpath("report.css").read_text(encoding="utf-8")
    return text.replace("LIGHT", PROPERTIES).replace("DARK", DARK_PROPERTIES).replace("MARKS", MARKS)
