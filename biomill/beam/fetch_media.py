"""`FetchMedia`: batches with addresses become batches with images, hashes, and how each address ended.

    batches -> part rows by lane of their host -> group by lane -> fetch

The fetcher and what is measured of an image are those of the fetch stage. Before the fetch rows cross one shuffle,
without images; an image crosses none here.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.transforms.display import DisplayDataItem

from biomill.beam.counters import add
from manifests import FetchRules, ImageRules
from pipeline.media.fetcher import Fetcher
from pipeline.media.http.guards import host_of
from pipeline.media.media_schema import MEDIA_SCHEMA
from pipeline.media.stored import stored_images
from pipeline.model.errors import UsageError
from pipeline.model.fetched import Fetched

_OWN = ("image_id", "media_id", "host", "address", "unit", "offset", "length")
"""What the fetch stage notes of its files, which there are none of here."""
FETCHED_FIELDS = (*(field for field in MEDIA_SCHEMA if field.name not in _OWN), pa.field("jpeg", pa.large_binary()))
"""The columns that `FetchMedia` adds; `outcome` is null where the image came, and then `jpeg` holds it."""
_BOX = ("box_x", "box_y", "box_w", "box_h")
_ROWS = 64
"""Rows of a batch with images."""


def fetched_schema(schema: pa.Schema) -> pa.Schema:
    """Return the schema of the batches that `FetchMedia` makes of batches of a schema.

    Raises UsageError when a column has the name of one that is added.

    >>> fetched_schema(pa.schema({"media_url": pa.string()})).names[:3]
    ['media_url', 'outcome', 'detail']
    """
    twice = sorted(set(schema.names) & {field.name for field in FETCHED_FIELDS})
    if twice:
        raise UsageError(
            f"the batches have a column {twice[0]!r} of their own",
            where="columns: " + ", ".join(schema.names),
            expected="no column named as one that FetchMedia adds",
            remedy="rename or drop it",
        )
    return pa.schema([*schema, *FETCHED_FIELDS])


class _ByLane(beam.DoFn):
    """Parts a batch by the lane of its rows' hosts."""

    def __init__(self, column: str, lanes: int) -> None:
        self.column, self.lanes = column, lanes

    def process(self, batch: pa.RecordBatch) -> Iterator[tuple[int, pa.RecordBatch]]:
        if self.column not in batch.schema.names:
            raise UsageError(
                f"the batches have no column {self.column!r}",
                where="columns: " + ", ".join(batch.schema.names),
                expected="a column with the addresses of media",
                remedy="name it: FetchMedia(column='my_column')",
            )
        fetched_schema(batch.schema)
        rows: dict[int, list[int]] = {}
        for row, address in enumerate(batch.column(self.column).to_pylist()):
            rows.setdefault(zlib.crc32(host_of(address or "").encode()) % self.lanes, []).append(row)
        for lane, places in rows.items():
            yield lane, batch.take(pa.array(places, pa.int64()))


class _Fetch(beam.DoFn):
    """Fetches what a lane's rows ask for."""

    def __init__(self, column: str, fetch: FetchRules, image: ImageRules) -> None:
        self.column, self.fetch, self.image = column, fetch, image

    def process(self, lane: tuple[int, Iterable[pa.RecordBatch]]) -> Iterator[pa.RecordBatch]:
        by_schema: dict[str, list[pa.RecordBatch]] = {}
        for batch in lane[1]:
            by_schema.setdefault(str(batch.schema), []).append(batch)
        for batches in by_schema.values():
            yield from self._table(pa.Table.from_batches(batches).combine_chunks())

    def _table(self, table: pa.Table) -> Iterator[pa.RecordBatch]:
        asked: dict[str, list[int]] = {}
        for row, address in enumerate(table.column(self.column).to_pylist()):
            asked.setdefault(address or "", []).append(row)
        addresses = list(asked)
        places: list[int] = []
        added: list[Mapping[str, Any]] = []
        with Fetcher(self.fetch) as fetcher:
            for number, fetched in fetcher.fetch_all(addresses):
                rows = asked[addresses[number]]
                places += rows
                added += self._images(table, rows, fetched)
                if len(places) >= _ROWS:
                    yield _beside(table, places, added)
                    places, added = [], []
        if places:
            yield _beside(table, places, added)

    def _images(self, table: pa.Table, rows: list[int], fetched: Fetched) -> Iterator[Mapping[str, Any]]:
        boxed = set(_BOX) <= set(table.column_names)
        wanted = [
            dict.fromkeys((*_OWN, *_BOX)) | ({n: table.column(n)[row].as_py() for n in _BOX} if boxed else {})
            for row in rows
        ]
        for told, jpeg in stored_images(wanted, fetched, self.image, self.fetch.max_pixels):
            add(f"image_{told.get('outcome') or 'stored'}", 1)
            yield {**told, "jpeg": jpeg or None}


def _beside(table: pa.Table, places: list[int], added: list[Mapping[str, Any]]) -> pa.RecordBatch:
    """Return rows of a table with what was fetched beside them."""
    taken = table.take(pa.array(places, pa.int64()))
    columns = [column.combine_chunks() for column in taken.columns]
    columns += [pa.array([row.get(field.name) for row in added], field.type) for field in FETCHED_FIELDS]
    return pa.RecordBatch.from_arrays(columns, schema=fetched_schema(table.schema))


@beam.typehints.with_input_types(pa.RecordBatch)
@beam.typehints.with_output_types(pa.RecordBatch)
class FetchMedia(beam.PTransform[beam.PCollection[pa.RecordBatch], beam.PCollection[pa.RecordBatch]]):
    """Fetch the media of record batches: `batches | FetchMedia(contact="me@example.org")` gives the same rows.

    `column`: which column holds the http(s) addresses; rows of one address share one request. `fetch` and `image`: the
    rules of a recipe's sections (`manifests.FetchRules`, `ImageRules`), with all that is polite and capped by default;
    `contact`, a mail address or a page, is told to hosts, and public ones are not asked without. Where the batches have
    the columns box_x, box_y, box_w and box_h, a row with a box gets its crop, as in a run.

    Batches come out in any order, each with `fetched_schema` of its input: the columns of the input, then those of
    FETCHED_FIELDS: `outcome` (null: the image came), `jpeg` (the image as it is stored), its size, hashes and digests,
    and what the host said. No row is lost: what a host does wrong is an outcome.

    All rows of a host go to one of `lanes`, each of which is worked off by one worker, so the limits of hosts hold for
    any number of workers. A lane's rows are held in memory, without images. A lane that a runner tries again is
    fetched again: nothing is kept between, as a run keeps it.

    Raises UsageError for batches without the column, PipelineError for a public host without a contact, and
    NetworkLostError when nobody can be asked. Counters: image_stored, and image_OUTCOME of each outcome that occurred.
    """

    def __init__(
        self,
        *,
        contact: str = "",
        column: str = "media_url",
        fetch: FetchRules | None = None,
        image: ImageRules | None = None,
        lanes: int = 16,
    ) -> None:
        super().__init__()
        if lanes < 1:
            raise UsageError(f"{lanes} lanes fetch nothing", expected="lanes of 1 or more")
        given = fetch or FetchRules()
        self.fetch = FetchRules(**{**_fields(given), "contact": contact or given.contact})
        self.image, self.column, self.lanes = image or ImageRules(), column, lanes
        Fetcher(self.fetch).close()  # what is wrong with the rules is said here, not by a worker

    def expand(self, batches: beam.PCollection[pa.RecordBatch]) -> beam.PCollection[pa.RecordBatch]:
        """Wire the batches to their media."""
        parted = beam.ParDo(_ByLane(self.column, self.lanes)).with_output_types(tuple[int, pa.RecordBatch])
        work = beam.ParDo(_Fetch(self.column, self.fetch, self.image)).with_output_types(pa.RecordBatch)
        fetched: beam.PCollection[pa.RecordBatch] = (
            batches | "part by host" >> parted | "lanes" >> beam.GroupByKey() | "fetch" >> work
        )
        return fetched

    def display_data(self) -> dict[str, Any]:
        """Return what a runner's page shows of the transform."""
        shown = {
            "column": (self.column, "Column of addresses"),
            "lanes": (self.lanes, "Lanes that hosts are dealt to"),
            "per_host_rate": (self.fetch.per_host_rate, "Most requests a second to one host"),
            "side": (self.image.side, "Pixels of the side that rules"),
        }
        return {key: DisplayDataItem(value, label=label) for key, (value, label) in shown.items()}


def _fields(rules: FetchRules) -> dict[str, Any]:
    """Return the fields of rules, as their constructor takes them.

    >>> _fields(FetchRules())["attempts"]
    3
    """
    return {name: getattr(rules, name) for name in FetchRules.__dataclass_fields__}
