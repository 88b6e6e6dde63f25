"""What a recipe would say of an inspected release."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.inspection.findings import Findings


def source_entry(findings: Findings, path: Path) -> dict[str, str]:
    """Return the keys of the release's `[[sources]]` table; the name is made of the file's, to be changed at will.

    >>> source_entry(Findings("0012345.zip", "gbif-dwca", license="CC-BY-4.0"), Path("/data/0012345.zip"))
    {'name': 's0012345', 'kind': 'gbif-dwca', 'path': '/data/0012345.zip', 'license': 'CC-BY-4.0'}
    """
    stem = path.name.partition(".")[0].lower() or "source"
    name = re.sub(r"[^a-z0-9]+", "-", stem).strip("-") or "source"
    entry = {"name": name if name[0].isalpha() else f"s{name}", "kind": findings.kind, "path": str(path.absolute())}
    more = {"release": findings.release, "license": findings.license}
    return entry | {key: value for key, value in more.items() if value}
