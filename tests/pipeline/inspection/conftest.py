"""Darwin Core Archives written by hand, as odd as they come."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest


def meta(
    *tables: tuple[str, str, str, str],
    attributes: str = 'fieldsTerminatedBy="\\t" linesTerminatedBy="\\n" fieldsEnclosedBy="" ignoreHeaderLines="1"',
    archive: str = "",
) -> str:
    """A descriptor of (element, row type, locations joined by |, terms by blanks); the first column is the id."""
    parts = []
    for element, row_type, locations, terms in tables:
        files = "".join(f"<location>{name}</location>" for name in locations.split("|") if name)
        fields = "".join(
            f'<field index="{i}" term="http://rs.tdwg.org/dwc/terms/{term}"/>'
            for i, term in enumerate(terms.split())
            if term != "-"
        )
        key = "id" if element == "core" else "coreid"
        parts.append(
            f'<{element} rowType="http://rs.tdwg.org/dwc/terms/{row_type}" {attributes}>'
            f'<files>{files}</files><{key} index="0"/>{fields}</{element}>'
        )
    return f'<archive xmlns="http://rs.tdwg.org/dwc/text/"{archive}>{"".join(parts)}</archive>'


def write(path: Path, **members: str | bytes) -> Path:
    """A zip of members, whose names are given with __ for a full stop."""
    return write_named(path, {name.replace("__", "."): data for name, data in members.items()})


def write_named(path: Path, members: Mapping[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as out:
        for name, data in members.items():
            out.writestr(name, data)
    return path


@pytest.fixture
def data() -> Path:
    folder = Path(__file__).parents[3] / "../shared/data/sources"
    if not folder.exists():
        pytest.skip("the folder of real input files is not beside this repository")
    return folder.resolve()
