"""What a recipe would say of an inspected release."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.inspection.findings import Findings
from pipeline.model.licences import normalise_licence

_LONGEST = 64  # characters of a source's name


def source_entry(findings: Findings, path: Path) -> dict[str, str]:
    """Return the keys of the release's `[[sources]]` table; the name is made of the file's, to be changed at will.

    A licence whose words are not understood is left out: a recipe would keep no row for it.

    >>> source_entry(Findings("0012345.zip", "gbif-dwca", license="CC BY 4.0"), Path("/data/0012345.zip"))
    {'name': '0012345', 'kind': 'gbif-dwca', 'path': '/data/0012345.zip', 'license': 'CC-BY-4.0'}
    """
    return entry_of(path, findings.kind, findings.release, findings.license)


def entry_of(path: Path, kind: str, release: str, license: str) -> dict[str, str]:
    """Return the keys of a `[[sources]]` table of so named a kind, with what its files say of themselves.

    >>> entry_of(Path("/data/Frogs (2).zip"), "dwca", "", "?")
    {'name': 'frogs-2', 'kind': 'dwca', 'path': '/data/Frogs (2).zip'}
    """
    name = re.sub(r"[^a-z0-9]+", "-", path.absolute().name.partition(".")[0].lower())[:_LONGEST].strip("-") or "source"
    entry = {"name": name, "kind": kind, "path": str(path.absolute())}
    licence = normalise_licence(license)
    stated = licence.id or (licence.family if licence.known else "")
    named = release if release.isprintable() else ""
    return entry | {key: value for key, value in (("release", named), ("license", stated)) if value}
