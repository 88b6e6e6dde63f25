"""Releases as their providers publish them: what a file, archive or folder is, before any recipe names it."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.inspection import Findings


def inspect(path: str | PathLike[str]) -> Findings:
    """Return what a release is and what is in it: kind, tables, rows, issues, licences, media types, hosts.

    `path`: a file, archive or folder. Every row is read, and nothing is written. The findings print as the lines of
    `biomill inspect`; `as_json()` gives them as plain data.

    Raises SourceError when the path is not there, is damaged or of no known kind.

    >>> import tempfile
    >>> table = Path(tempfile.mkdtemp(), "media_manifest_1.csv")
    >>> _ = table.write_text("EOL content ID,EOL page ID,EOL Full-Size Copy URL,License Name\\n")
    >>> inspect(table).kind
    'eol'
    """
    from pipeline.inspection import inspect_release

    return inspect_release(Path(path))
