"""Answers of GBIF's occurrence search, spooled page by page into files named by their offset, exactly as answered.

For some thousands of records at most: GBIF answers no question beyond offset + limit = 100,000 and asks everybody who
wants more to use downloads. A page is written whole or not at all, so a killed pull goes on behind the last one.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.pull.client import Client, json_object
from pipeline.pull.predicates import CHECKLISTS
from pipeline.pull.pull_errors import PullError
from pipeline.pull.state import PullState, only_puller, read_state
from pipeline.sources.release.release_note import ReleaseNote
from pipeline.storage.files.atomic import atomic_path

MAX_LIMIT = 300
"""Most records that GBIF gives in one answer."""
MAX_WINDOW = 100_000
"""Largest offset + limit that GBIF answers."""
PATH = "/occurrence/search"

logger = logging.getLogger("biomill")


def search_parameters(conditions: Sequence[str], checklist: str = "") -> list[tuple[str, str]]:
    """Read 'name=value' parameters of the search API, sorted; raises PullError for what would not be a filter.

    `checklist`: UUID that the taxon keys belong to; empty: what GBIF takes by default.

    >>> search_parameters(["taxonKey=2431762", "mediaType=StillImage"])
    [('mediaType', 'StillImage'), ('taxonKey', '2431762')]
    """
    made = [("checklistKey", checklist)] if checklist else []
    for condition in conditions:
        name, equals, value = condition.partition("=")
        if not equals or not re.fullmatch(r"[A-Za-z]{1,60}", name.strip()) or not value.strip():
            raise PullError(
                f"the parameter {condition!r} cannot be read",
                expected="NAME=VALUE, as the occurrence search takes it, such as year=1979,2020",
            )
        if name.strip() in ("limit", "offset", "facet"):
            raise PullError(f"{name.strip()} is set by the pull itself", remedy="leave it out")
        made.append((name.strip(), value.strip()))
    if not made or made == [("checklistKey", checklist)]:
        raise PullError("nothing is asked for", remedy="name parameters such as taxonKey=2431762 mediaType=StillImage")
    return sorted(made)


def pull_pages(
    client: Client,
    parameters: Sequence[tuple[str, str]],
    folder: Path,
    *,
    limit: int = MAX_LIMIT,
    most: int = MAX_WINDOW,
) -> Path:
    """Spool the answers to a search into `folder`, with release.json; gives the folder.

    `limit`: records per page, at most 300. `most`: stop after so many records. Raises PullError when the search has
    more records than GBIF gives and `most` does not stop before, when its count changes on the way, or when a page is
    not what was asked for.
    """
    if not (1 <= limit <= MAX_LIMIT and 1 <= most <= MAX_WINDOW):
        raise PullError(
            f"limit {limit} or most {most} is not what GBIF answers",
            expected=f"a limit of 1 to {MAX_LIMIT}, and at most {MAX_WINDOW:,} records",
            remedy="use biomill pull gbif for more: a download has no such bounds",
        )
    request = {"path": PATH, "parameters": [list(pair) for pair in parameters], "limit": limit, "most": most}
    with only_puller(folder):
        state = read_state(folder) or PullState(client.base, request).write(folder)
        if dict(state.request) != request or state.base != client.base:
            raise PullError(
                "the folder belongs to another pull",
                where=str(folder),
                remedy="choose another folder, or repeat the same question",
            )
        if state.done:
            return folder
        total, records = _spool(client, list(parameters), folder, limit, most)
        checklist = dict(parameters).get("checklistKey", CHECKLISTS["backbone"])
        ReleaseNote(
            provider="gbif",
            kind="search",
            key=f"search-{hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:16]}",
            format="JSON",
            predicate=request["parameters"],
            checklist=checklist,
            link=client.base + PATH,
            total_records=total,
            rows=records,
        ).write(folder)
        replace(state, done=True).write(folder)
        logger.info("pull: %d of %d records", records, total)
        return folder


def page_name(offset: int) -> str:
    """Return the name of the file for the page at an offset.

    >>> page_name(300)
    'page-000300.json'
    """
    return f"page-{offset:06d}.json"


def _spool(client: Client, parameters: list[tuple[str, str]], folder: Path, limit: int, most: int) -> tuple[int, int]:
    offset, total = 0, None
    while True:
        asked = min(limit, most - offset)
        path = folder / page_name(offset)
        query = [*parameters, ("limit", str(asked)), ("offset", str(offset))]
        body = path.read_bytes() if path.exists() else client.get_bytes(PATH, query)
        page = _page(json_object(body, str(path)), offset, asked, client.base + PATH)
        total = page["count"] if total is None else total
        if total > MAX_WINDOW and most == MAX_WINDOW:
            raise PullError(
                f"the search has {total:,} records, and GBIF gives no more than the first {MAX_WINDOW:,}",
                where=client.base + PATH,
                remedy="use biomill pull gbif, ask for less, or say with --most how many are enough",
            )
        if page["count"] != total:
            raise PullError(
                f"the search changed from {total:,} to {page['count']:,} records while it was being pulled",
                where=str(folder),
                expected="one state of GBIF's index in all pages",
                remedy="pull into another folder; a download, biomill pull gbif, is always of one state",
            )
        if not path.exists():
            with atomic_path(path) as temporary:
                temporary.write_bytes(body)
        offset += len(page["results"])
        if page["endOfRecords"] or offset >= min(total, most):
            return total, offset


def _page(page: dict[str, Any], offset: int, asked: int, where: str) -> dict[str, Any]:
    """Return a page that is what was asked for; raises PullError for any other."""
    kinds = {"offset": int, "limit": int, "endOfRecords": bool, "count": int, "results": list}
    wrong = [name for name, kind in kinds.items() if not isinstance(page.get(name), kind)]
    if wrong:
        shown = json.dumps(page, sort_keys=True)[:200]
        raise PullError(f"the answer has no readable {', '.join(wrong)}: {shown}", where=where)
    found = len(page["results"])
    if page["offset"] != offset or found > asked or (not found and not page["endOfRecords"]):
        raise PullError(
            f"the answer gives {found} records from {page['offset']} on",
            where=where,
            expected=f"1 to {asked} records from {offset} on",
            remedy="run the same command again later",
        )
    return page
