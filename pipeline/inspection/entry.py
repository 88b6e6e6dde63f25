"""What a recipe would say of an inspected release."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.inspection.findings import Findings

_LONGEST = 64  # characters of a source's name


def source_entry(findings: Findings, path: Path) -> dict[str, str]:
    """Return the keys of the release's `[[sources]]` table; the name is made of the file's, to be changed at will.

    >>> source_entry(Findings("0012345.zip", "gbif-dwca", license="CC-BY-4.0"), Path("/data/0012345.zip"))
    {'name': '0012345', 'kind': 'gbif-dwca', 'path': '/data/0012345.zip', 'license': 'CC-BY-4.0'}
    """
    name = re.sub(r"[^a-z0-9]+", "-", path.absolute().name.partition(".")[0].lower())[:_LONGEST].strip("-") or "source"
    entry = {"name": name, "kind": findings.kind, "path": str(path.absolute())}
    more = {"release": findings.release, "license": findings.license}
    return entry | {key: value for key, value in more.items() if value}
