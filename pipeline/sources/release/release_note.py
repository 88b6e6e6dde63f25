"""release.json: what a provider said about a release, kept beside its files by whoever fetched them.

Readers take the release's name (its DOI) and the checklist of its taxon keys from it, because the files of a GBIF
download name neither reliably.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.model.errors import SourceError
from pipeline.storage.files.atomic import write_json

RELEASE_NOTE = "release.json"
_MAX_BYTES = 64 << 20  # a predicate may hold 100,000 values


@dataclass(frozen=True, slots=True)
class ReleaseNote:
    """What is known about a release; empty where the provider said nothing. Times are the provider's, verbatim."""

    provider: str
    kind: str
    """'download' (one file, named after `key`) or 'search' (a folder of pages)."""
    key: str = ""
    doi: str = ""
    license: str = ""
    format: str = ""
    predicate: Any = None
    """The question as asked: a download's predicate, or the parameters of a search as [name, value] pairs."""
    checklist: str = ""
    """UUID of the checklist that the release's taxon keys belong to."""
    created: str = ""
    modified: str = ""
    erase_after: str = ""
    link: str = ""
    size: int = 0
    """Bytes of the file."""
    total_records: int = 0
    """Records as the provider counts them."""
    rows: int = 0
    """Records as counted in the files."""
    datasets: int = 0
    sha256: str = ""
    """Of the file; empty for a folder of pages."""

    @property
    def name(self) -> str:
        """Name of the release: its DOI, else its key."""
        return self.doi or self.key

    def write(self, folder: Path) -> Path:
        """Write release.json into a folder, atomically; gives its path."""
        write_json(folder / RELEASE_NOTE, asdict(self))
        return folder / RELEASE_NOTE


def read_release_note(path: Path) -> ReleaseNote | None:
    """Return the note that describes a release, or None when there is none beside it (a file) or in it (a folder).

    A note beside a file speaks only of the file that its key names. Raises SourceError when the note is unreadable.
    """
    note_path = (path if path.is_dir() else path.parent) / RELEASE_NOTE
    if not note_path.is_file() or note_path.stat().st_size > _MAX_BYTES:
        return None
    try:
        value = json.loads(note_path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise SourceError(
            f"the release note is no JSON: {error}",
            where=str(note_path),
            remedy="run the pull again, or remove the file",
        ) from error
    if not isinstance(value, dict) or not isinstance(value.get("provider"), str):
        return None  # some other program's release.json
    known = {name: value[name] for name in ReleaseNote.__dataclass_fields__ if name in value}
    wrong = [n for n, v in known.items() if n != "predicate" and not isinstance(v, int if n in _NUMBERS else str)]
    if wrong or "kind" not in known:
        raise SourceError(
            f"the release note has no readable {', '.join(wrong) or 'kind'}",
            where=str(note_path),
            remedy="run the pull again, or remove the file",
        )
    note = ReleaseNote(**known)
    return note if path.is_dir() or note.key == path.stem else None


_NUMBERS = frozenset({"size", "total_records", "rows", "datasets"})
