"""What `inspect` finds out about a release, and how it is told to people and to programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class IssueCount:
    """How often an issue was met, and the first place."""

    count: int
    where: str
    example: str


@dataclass(slots=True)
class Findings:
    """One inspected release. Row counts hold every row, readable or not; blank lines are no rows."""

    archive: str
    kind: str
    release: str = ""
    license: str = ""
    core: str = ""
    """Row type of the core; empty for releases without a core."""
    core_rows: int = 0
    extension_rows: dict[str, int] = field(default_factory=dict)
    """Rows by row type, tables without rows left out."""
    ragged: int = 0
    orphans: int = 0
    """Extension rows whose core id is empty or not in the core."""
    dup_ids: int = 0
    """Core rows whose id an earlier row has."""
    no_id: int = 0
    tables: dict[str, int] = field(default_factory=dict)
    """Rows by name of the native table."""
    records: int | None = None
    """Canonical records that the reader makes of it; None where it was not mapped."""
    outcomes: Counter[str] = field(default_factory=Counter)
    """Rows that end at ingest, by outcome; only where it was mapped."""
    licences: Counter[str] = field(default_factory=Counter)
    """Rows that state a licence, by SPDX id or family."""
    media_types: Counter[str] = field(default_factory=Counter)
    hosts: Counter[str] = field(default_factory=Counter)
    details: dict[str, IssueCount] = field(default_factory=dict)

    def note(self, code: str, where: str, example: str, count: int = 1) -> None:
        """Count an issue; the first example is kept."""
        known = self.details.setdefault(code, IssueCount(0, where, example))
        known.count += count

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain data, in an order that depends on content alone."""
        return {
            "archive": self.archive,
            "kind": self.kind,
            "release": self.release,
            "license": self.license,
            "core": self.core,
            "core_rows": self.core_rows,
            "extension_rows": dict(sorted(self.extension_rows.items())),
            "ragged": self.ragged,
            "orphans": self.orphans,
            "dup_ids": self.dup_ids,
            "no_id": self.no_id,
            "issues": sorted(self.details),
            "tables": dict(sorted(self.tables.items())),
            "records": self.records,
            "outcomes": _ranked(self.outcomes),
            "licences": _ranked(self.licences),
            "media_types": _ranked(self.media_types),
            "hosts": _ranked(self.hosts),
            "issue_details": {
                code: {"count": issue.count, "where": issue.where, "example": issue.example}
                for code, issue in sorted(self.details.items())
            },
        }


def _ranked(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def lines(findings: Findings, most: int = 10) -> Iterator[str]:
    """Yield the findings as lines for people; of long lists the `most` frequent entries."""
    yield f"{findings.archive}: {findings.kind}" + (f", core {findings.core}" if findings.core else "")
    if findings.release:
        yield f"  release      {findings.release}"
    if findings.license:
        yield f"  licence      {findings.license}"
    for name, rows in sorted(findings.tables.items()):
        yield f"  table        {name}: {rows:,} rows"
    if findings.core:
        yield (
            f"  rows         {findings.core_rows:,} core, {sum(findings.extension_rows.values()):,} extension; "
            f"{findings.orphans:,} orphans, {findings.ragged:,} ragged, {findings.dup_ids:,} repeated ids, "
            f"{findings.no_id:,} without id"
        )
    if findings.records is not None:
        yield f"  records      {findings.records:,}"
    named: tuple[tuple[str, Mapping[str, int]], ...] = (
        ("outcome", findings.outcomes),
        ("licence", findings.licences),
        ("media type", findings.media_types),
        ("host", findings.hosts),
    )
    for name, counts in named:
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        yield from (f"  {name:<12} {value}: {count:,}" for value, count in ranked[:most])
        if len(ranked) > most:
            yield f"  {name:<12} and {len(ranked) - most:,} more"
    for code, issue in sorted(findings.details.items()):
        yield f"  issue        {code}: {issue.count:,}, such as {issue.example[:100]!r} ({issue.where})"
