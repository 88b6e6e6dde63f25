"""What a path is: its layout recognised, and then inspected whole."""

from __future__ import annotations

from pathlib import Path

from pipeline.inspection.findings import Findings
from pipeline.inspection.mapped import inspect_mapped
from pipeline.inspection.recognised import kind_in
from pipeline.inspection.tables import inspect_dwca
from pipeline.model.errors import SourceError
from pipeline.sources.release.archive import open_archive

_JOINED = ("gbif-pages", "inat-open-data", "coco-camera-traps", "camtrap-dp")
"""Kinds whose records are joined from several tables, which a run does in parts."""


def inspect_release(path: Path) -> Findings:
    """Name a release's kind and inspect it; raises SourceError when it is damaged or of no known kind."""
    kind, layout = kind_in(open_archive(path))
    if layout is not None:
        return inspect_dwca(layout, kind)
    if kind in _JOINED:
        raise SourceError(
            f"this is a release of kind {kind}, whose records are joined from several tables",
            where=str(path),
            expected="a release whose rows are inspected one by one",
            remedy=f"count its records with `biomill records {path} --kind {kind} -o out/records`",
        )
    return inspect_mapped(path, kind)
