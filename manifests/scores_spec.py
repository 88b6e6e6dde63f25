"""Tables of scores that others made of the records or their pictures, joined to them by a key."""

from __future__ import annotations

from dataclasses import dataclass

SCORE_KEYS = (
    *("media_key", "record_key", "record_id", "occurrence_key", "source_record_id", "source_media_id"),
    *("media_url", "media_path", "file_name"),
)


@dataclass(frozen=True, slots=True)
class ScoresSpec:
    """One file of scores, whose columns a condition names as NAME.column; a record without a score has NULL."""

    name: str
    """How conditions name it: a-z, 0-9 and '_', beginning with a letter; not records, names or media."""
    path: str
    """CSV or TSV (plain or .gz) or Parquet with a column of keys, the results of MegaDetector (.json), or the
    predictions of pybioclip (CSV with file_name and score)."""
    key: str
    """What the rows are of: media_key, record_key (source:id), record_id, occurrence_key, source_record_id,
    source_media_id, media_url, media_path, or file_name (what follows the last '/' of the path or the address)."""
    column: str | None = None
    """The column of the keys; not given: the one named as `key`, of pybioclip file_name."""
    confidence: float | None = None
    """Of a detector: boxes of less confidence are not counted; 0.2 where nothing is said."""
