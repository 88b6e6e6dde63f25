"""report.html: one file that asks nothing of anybody, and `catalog/report.json` with the numbers that it states."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files

import duckdb

from manifests import Recipe
from pipeline.cards.plots import DARK_PROPERTIES, MARKS, PROPERTIES
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
    """Return the report as one HTML file that loads nothing and runs nothing; equal sections give equal bytes."""
    return template("report.html.jinja", escape=True).render(
        name=recipe.name,
        description=recipe.description,
        sections=sections,
        kinds=WORDS,
        style=_style(),
    )


def report_facts(recipe: Recipe, sections: Sequence[Section]) -> str:
    """Return the numbers of the report as JSON: `sections` has what each states, by its id."""
    document = {
        "schema": REPORT_SCHEMA,
        "recipe": recipe.name,
        "sections": {section.id: {"answer": section.answer, **section.facts} for section in sections},
    }
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


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
