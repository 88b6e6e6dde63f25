"""Placeholders in a list of URLs, of which nobody says what they are to show.

Without taxa nothing tells a placeholder from a picture that honestly stands under many addresses. So the images that
many addresses of a host gave are only pointed out, in a column of the outcomes and in the summary; whoever has looked
at one names its digest, and images of these bytes end as placeholder, without a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from manifests import FetchRules
from pipeline.media.journal import image_file
from pipeline.media.media_schema import MEDIA_SCHEMA
from pipeline.model.outcomes import Outcome
from pipeline.stages import fetch_placeholders
from pipeline.storage import database as sql
from pipeline.storage.files.atomic import write_table
from pipeline.storage.statements import Statements

_SQL = Statements(__name__)
_SHOWN = 20
"""Pictures that the summary lists."""


def end_listed(con: duckdb.DuckDBPyConnection, folder: Path, images: Path, rules: FetchRules) -> None:
    """End the stored images whose bytes the rules list, in the unit files of FOLDER/media, and remove their files."""
    code, media = Outcome.PLACEHOLDER.code, sql.parquet(folder / "media")
    listed = sorted({digest.lower() for digest in rules.placeholders})
    units = con.execute(
        f"SELECT DISTINCT unit FROM {media} WHERE outcome IS NULL AND sha256 IN {sql.in_list(listed)} ORDER BY 1"
    ).fetchall()
    for (unit,) in units:
        path = folder / "media" / f"{unit}.parquet"
        rows = pq.read_table(path, schema=MEDIA_SCHEMA).to_pylist()
        for row in rows:
            if row["outcome"] is None and row["sha256"] in listed:
                row.update(outcome=code, detail="these bytes are listed as a placeholder", length=0)
        write_table(path, pa.Table.from_pylist(rows, MEDIA_SCHEMA))
    # Of all that ended so, also before: a kill may have come between a unit and its files.
    for (media_id,) in con.execute(f"SELECT DISTINCT media_id FROM {media} WHERE outcome = '{code}'").fetchall():
        image_file(images, media_id).unlink(missing_ok=True)


def find(con: duckdb.DuckDBPyConnection, media: str, rules: FetchRules) -> str:
    """Return, as a FROM clause, the images that look like placeholders: image_id, rule, host, value, addresses.

    `media`: FROM clause of the unit files. An image is named once, by its bytes before its final address.
    """
    fetch_placeholders.begin(con)
    fetch_placeholders.gather_alike(con, media, rules)
    least = max(2, rules.placeholder_addresses)
    con.execute(_SQL("suspects", least=least))
    return "suspects"


def lines(con: duckdb.DuckDBPyConnection, suspects: str, images: Path) -> Iterator[str]:
    """Yield the summary's lines on them, those of most addresses first; none where there are none."""
    said = {
        fetch_placeholders.BYTES: "gave the same bytes",
        fetch_placeholders.ADDRESS: "led to the same final address",
    }
    rows = con.execute(_SQL("groups", suspects=suspects)).fetchall()
    if not rows:
        return
    yield "these look like placeholders (a picture that a host gives in the place of others):"
    for host, rule, value, addresses, media_id in rows[:_SHOWN]:
        yield f"  {host}: {addresses:,} addresses {said[rule]}, {value}; see {image_file(images, media_id)}"
    if len(rows) > _SHOWN:
        yield f"  and {len(rows) - _SHOWN:,} more"
    yield "look at them; --placeholder SHA256 ends images of these bytes as placeholder"
