"""Read text trees (https://github.com/gbif/text-tree): one name per line, two blanks of indentation per step down.

    Abies [genus]
      Abies alba Mill. [species] {ID=1 VERN=de:Weißtanne}   # a comment
        *$Pinus picea L. [species]

Synonyms stand below their accepted name and begin with '*' or '=' ('≡' where they share its type); '$' marks the
basionym, '†' an extinct taxon, '?' a provisional one. A line that steps down further than its parent allows, or has an
odd indentation, belongs to the nearest line above it that stands less deep, and is counted.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import pyarrow as pa

from manifests.tables import MAX_ROW_BYTES
from taxonomy.errors import TaxonomyError
from taxonomy.readers.columns import qualify, to_usages
from taxonomy.readers.delimited import Table
from taxonomy.readers.layout import Layout, Member, slug, unbroken
from taxonomy.readers.recognised import Recognised
from taxonomy.readers.taxon_schema import USAGE_SCHEMA, VERNACULAR_SCHEMA, Checklist, Issues
from taxonomy.readers.vernacular import normalise_language

_INDENT = re.compile(r"^( *)([*=≡$†?\s]*)(.*)$")
_COMMENT = re.compile(r"(?:^|\s)#.*$")
_FACTS = re.compile(r"\{([^{}]*)\}\s*$")
_RANK = re.compile(r"\[([^\[\]]*)\]\s*$")
_FACT = re.compile(r"([A-Z]+)=([^=]*?)(?=\s+[A-Z]+=|$)")
_FIRST = re.compile(r"^[†?]?[^\s\[\]{}#\t,;|][^\[\]{}\t]*\[[A-Za-z _-]+\]\s*(?:[{#].*)?$")
_BATCH = 50_000


def recognise(layout: Layout) -> Recognised | None:
    """Return how to read the tree, or None when no file begins with an unindented name and its rank in brackets."""
    for member in (*layout.others, *layout.cores):
        if member.name.casefold().endswith((".txtree", ".txt")) and _is_tree(member):
            table = Table(member.origin, member.open, header=("line",), skip=0)
            return Recognised("text tree", slug(layout.path), table, {}, core=member, read=_read)
    return None


def _is_tree(member: Member) -> bool:
    with unbroken(member.origin), member.open() as handle:
        for _ in range(50):
            line = handle.readline(MAX_ROW_BYTES).decode("utf-8-sig", "replace")
            if not line:
                return False
            if line.strip() and not line.lstrip().startswith("#"):
                return _FIRST.match(line.rstrip()) is not None
    return False


def _lines(found: Recognised, issues: Issues) -> Iterator[tuple[int, str]]:
    origin = found.table.origin
    with unbroken(origin), found.table.open() as raw, io.BufferedReader(raw) as handle:  # type: ignore[type-var]
        number = bad = 0
        while data := handle.readline(MAX_ROW_BYTES):
            number += 1
            try:
                line = data.decode("utf-8-sig" if number == 1 else "utf-8").rstrip()
            except UnicodeDecodeError:
                issues.add("row_is_not_utf8", f"{origin}, row {number:09d}")
                bad += 1
                continue
            if line.strip() and not line.lstrip().startswith("#"):
                yield number, line
        if bad > 1 + number // 20:
            raise TaxonomyError(
                f"{bad} of {number} lines are not UTF-8", origin, "UTF-8", "convert the file, for instance with iconv"
            )


def _parts(line: str) -> tuple[int, str, str, str | None, dict[str, str]]:
    """Return indentation, marks, name with authorship, rank and facts of a line, taken off from its end backwards."""
    match = _INDENT.match(_COMMENT.sub("", line.expandtabs(2)))
    assert match is not None, "the pattern takes every line"
    rest, facts, rank = match[3].strip(), _FACTS.search(match[3]), None
    if facts:
        rest = rest[: facts.start()].strip()
    ranked = _RANK.search(rest)
    if ranked:
        rank, rest = ranked[1].strip() or None, rest[: ranked.start()].strip()
    return len(match[1]), match[2], rest, rank, dict(_FACT.findall(facts[1])) if facts else {}


def _read(found: Recognised) -> Checklist:
    issues, prefix, origin = Issues(), found.prefix, found.table.origin
    stack: list[tuple[int, str]] = []  # (indentation, id) of the accepted names above the line
    usages: list[pa.Table] = [USAGE_SCHEMA.empty_table()]
    rows: list[dict[str, str | int | None]] = []
    spoken: list[dict[str, object]] = []
    ids: dict[str, int] = {}
    for number, line in _lines(found, issues):
        indent, marks, name, rank, facts = _parts(line)
        if not name:
            issues.add("line_is_no_name", f"{origin}, row {number:09d}: {line.strip()[:60]}")
            continue
        depth = stack[-1][0] if stack else -2
        if indent % 2 or indent > depth + 2:
            issues.add("odd_indentation", f"{origin}, row {number:09d}")
        while stack and stack[-1][0] >= indent:
            stack.pop()
        above = stack[-1][1] if stack else None
        key = facts.get("ID", "").strip() or _key(name, above, ids)
        row: dict[str, str | int | None] = {"id": key, "name": name, "rank": rank, "row": number}
        if set(marks) & set("*=≡"):
            row |= {"status": "synonym", "accepted": above, "parent": None}
        else:
            status = "provisionally accepted" if "?" in marks else "accepted"
            row |= {"status": status, "accepted": None, "parent": above}
            stack.append((indent, key))
        rows.append(row)
        spoken += _vernacular(facts.get("VERN", ""), key, prefix)
        if len(rows) == _BATCH:
            usages.append(_usages(rows, found, issues))
            rows = []
    usages.append(_usages(rows, found, issues))
    names = pa.Table.from_pylist(spoken, schema=VERNACULAR_SCHEMA)
    return Checklist(prefix, pa.concat_tables(usages), names, issues, (origin,))


def _key(name: str, above: str | None, ids: dict[str, int]) -> str:
    """Return a key that stays the same when lines are added elsewhere: the name, or its parent's key where not new."""
    key = name if name not in ids else f"{above}/{name}"
    ids[key] = ids.get(key, 0) + 1
    return key if ids[key] == 1 else f"{key}/{ids[key]}"


def _usages(rows: list[dict[str, str | int | None]], found: Recognised, issues: Issues) -> pa.Table:
    names = ("id", "name", "rank", "status", "accepted", "parent")
    table = pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in names})
    return to_usages(table, pa.array([row["row"] for row in rows], pa.int64()), found, issues)


def _vernacular(text: str, key: str, prefix: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for each in re.split(r"(?<!,),(?!,)", text) if text else ():
        language, mark, name = each.replace(",,", ",").partition(":")
        if mark and name.strip():
            found.append(
                {
                    "usage_id": qualify(prefix, key),
                    "vernacular_name": name.strip(),
                    "language": normalise_language(language),
                    "preferred": False,
                    "source": prefix,
                }
            )
    return found
