"""Pictures of single samples, by key: where their bytes lie, and whom to name for them.

A run's catalog tells creator, holder, licence and page of each. Beside shards without a catalog, and at an address, it
is their manifest, which has the licence alone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.cards.sections.section import Picture
from pipeline.cards.sections.shots import Shots
from pipeline.catalog import open_catalog
from pipeline.feed.feed import located
from pipeline.storage.parquet_files import read_table
from pipeline.storage.places import Place, place
from pipeline.storage.statements import Statements

_SQL = Statements(__name__)
_RESERVED = "%:/?#[]@!$&'()*+,;=~"
_ADDRESS = re.compile(r"https?://[A-Za-z0-9\[][!-~]{1,2000}")
_SHARD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_FARTHEST, _MOST_BYTES = 1 << 40, 1 << 28
_MANIFEST = ("key", "shard", "jpg_offset", "jpg_length", "sha256", "source", "license_id")


@dataclass(frozen=True, slots=True)
class Shown:
    """One picture: where its bytes lie, and whom to name."""

    key: str
    shard: str
    offset: int
    length: int
    digest: str
    source: str
    licence: str
    """'' where the run does not state it, as of the others."""
    creator: str
    link: str
    """Address of a page that shows it, http or https alone; '' for none."""

    @property
    def credit(self) -> str:
        """Whom to name, under which licence."""
        return f"{self.creator or 'creator not stated'}, {self.licence or 'licence not stated'}, {self.source}"


@dataclass
class ShownPictures:
    """The pictures of one report. `shards`: the folder of the tars; `run`: that of a run with its catalog, or None."""

    shards: Place
    run: Path | None
    shots: Shots
    known: dict[str, Shown] = field(default_factory=dict)
    shown: dict[str, Shown] = field(default_factory=dict)
    """Those that stand in the report, by key, in the order in which they came."""
    gone: set[str] = field(default_factory=set)
    """Keys of those whose bytes are not there, or are not what was noted of them."""
    omitted: set[str] = field(default_factory=set)
    """Keys of those that a report has no room for."""

    @classmethod
    def of(cls, where: str | os.PathLike[str]) -> ShownPictures:
        """Return the pictures of a run or of shards; `where` as in `pipeline.feed.Feed`."""
        given = place(os.fspath(where))
        folder, run = located(str(given) if isinstance(given, Path) else os.fspath(where))
        return cls(place(folder), run, Shots(place(folder)))

    def load(self, keys: Iterable[str]) -> None:
        """Look up some pictures, so that `picture` knows them."""
        wanted = sorted(set(keys) - self.known.keys())
        if wanted:
            rows = self._of_catalog(self.run, wanted) if self.run is not None else self._of_manifest(wanted)
            self.known |= {each.key: each for each in rows}

    def picture(self, key: str, caption: str, note: str) -> Picture:
        """Return a picture that was looked up, with whom to name beneath it; without bytes where they are gone."""
        found = self.known.get(key)
        if found is None:
            self.gone.add(key)
            return Picture("", caption, note)
        full = self.shots.left <= 0
        data = self.shots.data(self.shards / found.shard, found.offset, found.length, found.digest)
        if data:
            self.shown[key] = found
        elif full or self.shots.left <= 0:
            self.omitted.add(key)
        else:
            self.gone.add(key)
        return Picture(data, caption, f"{note}. {found.credit}", link=found.link)

    @staticmethod
    def _of_catalog(run: Path, keys: Sequence[str]) -> list[Shown]:
        with open_catalog(run) as con:
            rows = con.execute(_SQL("of_catalog", keys=keys)).fetchall()
        return [
            Shown(
                *(str(key), str(shard), int(offset), int(length), str(digest or "")),
                *(source or "", licence or "", creator or holder or ""),
                web_address(page) or web_address(media),
            )
            for key, shard, offset, length, digest, source, licence, creator, holder, page, media in rows
            if _can_be(shard, offset, length)
        ]

    def _of_manifest(self, keys: Sequence[str]) -> list[Shown]:
        table = read_table(self.shards / "manifest.parquet")
        columns = [name for name in _MANIFEST if name in table.column_names]
        table = table.select(columns).filter(pc.is_in(table["key"].cast(pa.string()), pa.array(keys)))
        return [
            Shown(
                *(row["key"], row["shard"], row["jpg_offset"], row["jpg_length"], row.get("sha256") or ""),
                *(row.get("source") or "", row.get("license_id") or "", "", ""),
            )
            for row in table.to_pylist()
            if _can_be(row.get("shard"), row.get("jpg_offset"), row.get("jpg_length"))
        ]


def _can_be(shard: str | None, offset: int | None, length: int | None) -> bool:
    """Return whether a picture can lie there: in a file beside the manifest, and no larger than one is.

    >>> _can_be("a-000000.tar", 512, 900), _can_be("../a.tar", 512, 900), _can_be("a.tar", None, 900)
    (True, False, False)
    """
    if not shard or offset is None or length is None or not _SHARD.fullmatch(shard):
        return False
    return 0 <= offset <= _FARTHEST and 0 < length <= _MOST_BYTES


def web_address(text: str | None) -> str:
    """Return an address that a page may lead to: of http or https, in plain ASCII; '' for any other text.

    >>> web_address("https://example.org/a b"), web_address("javascript:alert(1)"), web_address(None)
    ('https://example.org/a%20b', '', '')
    """
    plain = quote((text or "").strip(), safe=_RESERVED)
    return plain if _ADDRESS.fullmatch(plain) else ""
