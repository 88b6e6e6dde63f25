"""The taxonomy that ships with the package: some hundred well-known species with their higher taxa and synonyms.

Plain facts in Darwin Core columns, for demonstrations, tests and work without a download; a real run names a published
taxonomy.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import BinaryIO

from taxonomy.readers.layout import Layout, Member

FOLDER = Path(__file__).parent.parent / "data"
PREFIX = "bm"


def layout() -> Layout:
    """Return the embedded files, under names that do not depend on where the package is installed."""
    return Layout(Path("default"), (_member("default.tsv"),), (_member("default_vernacular.tsv"),))


def _open(name: str) -> BinaryIO:
    return (FOLDER / name).open("rb")


def _member(name: str) -> Member:
    return Member(name, f"default taxonomy, {name}", (FOLDER / name).stat().st_size, partial(_open, name))
