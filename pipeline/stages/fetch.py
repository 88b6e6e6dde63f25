"""Fetch: the only stage that meets the network. Candidates become stored images, hashes and outcomes.

Media are grouped by host, a host's media are cut into lanes by the hash of their id, and a lane into work units. A
lane is worked off in order by one worker with its share of the host's rate and connections, so the host's limits hold
for any number of workers on any runner. A unit writes `blobs/UNIT.bin` (the encoded images, one after another) and then
`media/UNIT.parquet`, whose presence says that the unit is done. Units are named by their content, so a changed recipe
fetches again only what is new to it.

A medium that could not be had at its own address is asked for at its alternates (`pipeline.one_medium`), in order, one
round after the other, so that every round keeps to the limits of its hosts. A record keeps its labels and rights
wherever its medium came from; `attempts/` lists every address that was tried for such a record, and how it ended.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from manifests import FetchRules, ImageRules
from pipeline import sql
from pipeline.atomic import atomic_path, table_writer, write_table
from pipeline.media import Box, Fetched, Fetcher, Processed, Store, keep_original, open_store, process
from pipeline.one_medium import ALTERNATES
from pipeline.records import ENDED_SCHEMA
from pipeline.stages.base import Balance, Context, Stage, balance_of, missing, plan_outputs, recipe_parts, ticker

if TYPE_CHECKING:
    import apache_beam as beam

    from pipeline.run.engine import Engine
    from pipeline.stages.units import RunUnits

_EVIDENCE = """CASE WHEN t.alternates IS NULL
                        THEN to_json({'status': m.status, 'detail': m.detail, 'address': c.address})
                        ELSE to_json({'status': m.status, 'detail': m.detail, 'address': c.address,
                                      'alternates': t.alternates}) END::VARCHAR AS evidence"""

PLAN_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("host", "lane", "media_id", "store", "address", "image_id")]
    + [(name, pa.float64()) for name in ("box_x", "box_y", "box_w", "box_h")]
)
MEDIA_SCHEMA = pa.schema(
    [
        pa.field("image_id", pa.string()),
        pa.field("media_id", pa.string()),
        pa.field("host", pa.string()),
        pa.field("address", pa.string()),
        pa.field("outcome", pa.string()),  # null: the image is stored
        pa.field("detail", pa.string()),
        pa.field("status", pa.int32()),
        pa.field("attempts", pa.int32()),
        pa.field("final_url", pa.string()),
        pa.field("content_type", pa.string()),
        pa.field("bytes", pa.int64()),  # as fetched
        pa.field("sha256", pa.string()),  # of the bytes as fetched
        pa.field("format", pa.string()),
        pa.field("source_width", pa.int32()),  # native pixels after orientation, of the crop for boxes
        pa.field("source_height", pa.int32()),
        pa.field("width", pa.int32()),  # as stored
        pa.field("height", pa.int32()),
        pa.field("phash", pa.string()),  # 16 hex digits
        pa.field("pdq", pa.binary(32)),  # pdq-l64/1
        pa.field("quality", pa.int32()),
        pa.field("pixel_sha256", pa.string()),
        pa.field("unit", pa.string()),  # blobs/UNIT.bin holds the encoded image
        pa.field("offset", pa.int64()),
        pa.field("length", pa.int64()),
    ]
)


@dataclass(frozen=True, slots=True)
class LaneTask:
    """The units of one lane of one host, in order: (row group of the plan, unit name)."""

    host: str
    lane: str
    units: tuple[tuple[int, str], ...]
    store: str
    """Path of the local store; empty: the network."""
    plan: str = "plan.parquet"
    """The round's plan, relative to the stage."""


@dataclass(frozen=True, slots=True)
class FetchLane:
    """Work off one lane."""

    folder: str
    fetch: FetchRules
    image: ImageRules

    def __call__(self, task: LaneTask) -> None:
        """Fetch and write every unit of the lane that is not written yet."""
        folder = Path(self.folder)
        todo = [(group, name) for group, name in task.units if missing(folder, [unit_path(name)])]
        if not todo:
            return
        plan = pq.ParquetFile(folder / task.plan)
        with ExitStack() as stack:
            fetcher = None if task.store else stack.enter_context(Fetcher(self.fetch, share=1 / self.fetch.lanes))
            for group, name in todo:
                rows = plan.read_row_group(group).to_pylist()
                addresses = list(dict.fromkeys(row["address"] for row in rows))
                if fetcher is not None:
                    answers = fetcher.fetch_all(addresses)
                else:
                    answers = read_store(_store(task.store), addresses, self.fetch.max_bytes)
                self._write(folder, name, rows, zip(addresses, answers, strict=True))

    def _write(
        self, folder: Path, name: str, rows: Sequence[Mapping[str, Any]], answers: Iterator[tuple[str, Fetched]]
    ) -> None:
        wanted: dict[str, list[Mapping[str, Any]]] = {}
        for row in rows:
            wanted.setdefault(row["address"], []).append(row)
        found: list[tuple[dict[str, Any], bytes]] = []
        for address, fetched in answers:
            images = stored_images(wanted[address], fetched, self.image, self.fetch.max_pixels)
            stored = [row["format"] for row, _ in images if row["outcome"] is None]
            if self.image.originals and stored:
                keep_original(folder / "originals", fetched.data, stored[0])
            found += images
        found.sort(key=lambda pair: str(pair[0]["image_id"]))
        offset = 0
        with atomic_path(folder / "blobs" / f"{name}.bin") as temporary, temporary.open("wb") as blob:
            for row, jpeg in found:
                row["unit"], row["offset"], row["length"] = name, offset, len(jpeg)
                offset += blob.write(jpeg)
        write_table(folder / unit_path(name), pa.Table.from_pylist([row for row, _ in found], MEDIA_SCHEMA))


@lru_cache(maxsize=8)
def _store(path: str) -> Store:
    # Kept open for the life of the worker: listing a zip of a million members takes seconds.
    return open_store(Path(path))


def read_store(store: Store, addresses: Sequence[str], max_bytes: int) -> Iterator[Fetched]:
    """Read the addresses from a local store, in order."""
    for address in addresses:
        yield store.read(address, max_bytes)


def unit_path(name: str) -> str:
    """Give the output of a unit, relative to the stage."""
    return f"media/{name}.parquet"


def stored_images(
    rows: Sequence[Mapping[str, Any]], fetched: Fetched, rules: ImageRules, max_pixels: int
) -> list[tuple[dict[str, Any], bytes]]:
    """Turn one answer into a MEDIA_SCHEMA row and JPEG bytes for every image that is wanted of the medium."""
    base = {
        "status": fetched.status,
        "attempts": fetched.attempts,
        "final_url": fetched.final_url,
        "content_type": fetched.content_type,
        "detail": fetched.detail,
    }
    if fetched.outcome is not None:
        failed = {**base, "outcome": fetched.outcome.code}
        return [({**_identity(row), **failed}, b"") for row in rows]
    base |= {"bytes": len(fetched.data), "sha256": hashlib.sha256(fetched.data).hexdigest()}
    boxes = [
        None if row["box_x"] is None else Box(row["box_x"], row["box_y"], row["box_w"], row["box_h"]) for row in rows
    ]
    images = process(fetched.data, boxes, rules, max_pixels)
    return [
        ({**_identity(row), **base, **_measures(image)}, image.jpeg) for row, image in zip(rows, images, strict=True)
    ]


def _identity(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("image_id", "media_id", "host", "address")}


def _measures(image: Processed) -> dict[str, Any]:
    if image.outcome is not None:
        return {"outcome": image.outcome.code, "detail": image.detail, "format": image.format or None}
    return {
        "outcome": None,
        "detail": image.detail,
        "format": image.format,
        "source_width": image.source_width,
        "source_height": image.source_height,
        "width": image.width,
        "height": image.height,
        "phash": f"{image.phash:016x}",
        "pdq": image.pdq,
        "quality": image.quality,
        "pixel_sha256": image.pixel_sha256,
    }


class Fetch(Stage):
    """The fetch stage."""

    name = "fetch"
    version = 3
    sections = ("image", "fetch.max_bytes", "fetch.max_pixels", "fetch.lanes", "fetch.unit_size")
    upstream = ("screen",)

    def inputs(self, context: Context) -> dict[str, str]:
        """Digest what the local stores list."""
        digests = {}
        for spec in context.recipe.sources:
            if spec.media:
                with open_store(spec.media) as store:
                    digests[f"{spec.name}/media"] = store.listing_digest()
        return digests

    def run(self, context: Context, engine: Engine) -> dict[str, Any]:
        """Cut the candidates into lanes and units, fetch what is missing, and write who arrived."""
        from pipeline.stages.units import RunUnits

        folder, recipe = context.folder.stage(self.name), context.recipe
        write_table(folder / "media" / "-schema.parquet", MEDIA_SCHEMA.empty_table())
        outputs: list[str] = []
        for place in range(ALTERNATES + 1):
            tasks = self._plan(context, folder, place, outputs)
            outputs += [unit_path(name) for task in tasks for _, name in task.units]
            plan_outputs(context, self.name, outputs)
            todo = [task for task in tasks if missing(folder, [unit_path(name) for _, name in task.units])]
            left = len(missing(folder, outputs))
            if tasks:
                asked = f"at alternates ({place}), " if place else ""
                context.progress(f"fetch: {asked}{len(outputs) - left:,} of {len(outputs):,} work units were there")
            if todo:
                units = RunUnits(todo, FetchLane(str(folder), recipe.fetch, recipe.image))
                engine.run(self.name, partial(_graph, units), ticker(context, self.name, outputs))
        for stale in sorted(folder.glob("media/*.parquet")):
            if f"media/{stale.name}" not in outputs and stale.name != "-schema.parquet":
                stale.unlink()
                (folder / "blobs" / f"{stale.stem}.bin").unlink(missing_ok=True)
        self.settle_arrivals(context, folder)
        return {"units": len(outputs)}

    def _plan(self, context: Context, folder: Path, place: int, before: Sequence[str]) -> list[LaneTask]:
        """Write a round's plan, one row group per unit, and give the lanes.

        A function of the candidates and of how the rounds before (their unit files: `before`) ended.
        """
        recipe = context.recipe
        stores = {spec.name: spec.media for spec in recipe.sources}
        salt = sql.evidence(**recipe_parts(recipe, self.sections))
        lanes: dict[tuple[str, str, str], list[tuple[int, str]]] = {}
        name = f"plan-{place}.parquet" if place else "plan.parquet"
        candidates = sql.parquet(context.folder.stage("screen") / "candidates")
        wanted = alternates_sql(candidates, _files(folder, before), place) if place else candidates
        query = f"""SELECT DISTINCT host, CAST(md5_number_lower(media_id) % {recipe.fetch.lanes} AS VARCHAR) AS lane,
                           media_id, store, address, image_id, box_x, box_y, box_w, box_h
                    FROM {wanted} ORDER BY host, lane, media_id, image_id"""
        group = 0
        with (
            sql.connect(recipe.limits.memory_mb, context.folder.root) as con,
            table_writer(folder / name, PLAN_SCHEMA) as writer,
        ):
            for rows in _units(sql.batches(con, query), recipe.fetch.unit_size):
                writer.write_table(pa.Table.from_pylist(rows, PLAN_SCHEMA), row_group_size=1 << 30)
                first = rows[0]
                digest = hashlib.blake2b("\n".join([salt, *(row["image_id"] for row in rows)]).encode(), digest_size=16)
                # A local store asks for no politeness: each unit is a lane of its own.
                lane = f"{group}" if first["store"] else first["lane"]
                lanes.setdefault((first["host"], lane, first["store"]), []).append((group, digest.hexdigest()))
                group += 1
        return [
            LaneTask(host, lane, tuple(units), stores[store] if store else "", name)
            for (host, lane, store), units in sorted(lanes.items())
        ]

    def settle_arrivals(self, context: Context, folder: Path) -> None:
        """Write which candidates arrived, and how the others ended."""
        candidates = sql.parquet(context.folder.stage("screen") / "candidates")
        media = sql.parquet(folder / "media")
        with sql.connect(context.recipe.limits.memory_mb, context.folder.root) as con:
            con.execute(f"CREATE TEMP TABLE tried AS {attempts_sql(candidates, media)}")
            sql.copy(
                con,
                "SELECT record_id, source, place, address, image_id, outcome, detail FROM tried "
                "ORDER BY record_id, place",
                folder / "attempts" / "part.parquet",
            )
            # The rounds end with the first address that answers, so at most one attempt of a record succeeded.
            sql.copy(
                con,
                f"""SELECT c.record_id, c.source, c.image_id, c.media_id FROM {candidates} c
                    JOIN {media} m USING (image_id) WHERE m.outcome IS NULL
                    UNION ALL SELECT record_id, source, arg_min(image_id, place), arg_min(media_id, place)
                    FROM tried WHERE outcome IS NULL GROUP BY ALL ORDER BY record_id""",
                folder / "arrived" / "part.parquet",
            )
            columns = ", ".join(
                {
                    "row_id": "c.record_id AS row_id",
                    "source": "c.source",
                    "outcome": "m.outcome",
                    "evidence": _EVIDENCE,
                }.get(
                    field.name,
                    f"CAST(NULL AS {'BIGINT' if pa.types.is_int64(field.type) else 'VARCHAR'}) AS {field.name}",
                )
                for field in ENDED_SCHEMA
            )
            sql.copy(
                con,
                f"""SELECT {columns} FROM {candidates} c JOIN {media} m USING (image_id)
                    LEFT JOIN (SELECT record_id, list({{'address': address, 'outcome': outcome}} ORDER BY place)
                                      FILTER (place > 0) AS alternates FROM tried GROUP BY 1) t USING (record_id)
                    WHERE m.outcome IS NOT NULL
                      AND c.record_id NOT IN (SELECT record_id FROM tried WHERE outcome IS NULL)
                    ORDER BY c.record_id""",
                folder / "ledger" / "part.parquet",
            )

    def balance(self, context: Context, facts: Mapping[str, Any]) -> list[Balance]:
        """Candidates = arrived + ended."""
        folder = context.folder.stage(self.name)
        return balance_of(context, context.folder.stage("screen") / "candidates", folder / "arrived", folder / "ledger")


def _graph(units: RunUnits, pipeline: beam.Pipeline) -> None:
    pipeline | "fetch" >> units


def _files(folder: Path, outputs: Sequence[str]) -> str:
    """Give the FROM clause of the unit files of this plan, which need not be all that lie in the folder."""
    paths = [folder / "media" / "-schema.parquet", *(folder / output for output in outputs)]
    return f"read_parquet([{', '.join(sql.quote(str(path)) for path in paths)}])"


def attempts_sql(candidates: str, media: str) -> str:
    """Give the query of every address that was tried for a record with alternates whose own address failed.

    The arguments are FROM clauses; place 0 is the record's own address, the alternates count from 1.
    """
    return f"""
        SELECT a.record_id, a.source, a.place, a.at.image_id AS image_id, a.at.media_id AS media_id,
               a.at.address AS address, m.outcome, m.detail
        FROM (SELECT record_id, source, unnest(addresses) AS at, generate_subscripts(addresses, 1) - 1 AS place
              FROM (SELECT c.record_id, c.source, list_prepend({{'image_id': c.image_id, 'media_id': c.media_id,
                             'store': c.store, 'address': c.address, 'host': c.host}}, c.alternates) AS addresses
                    FROM {candidates} c JOIN {media} own ON own.image_id = c.image_id AND own.outcome IS NOT NULL
                    WHERE len(c.alternates) > 0)) a
        JOIN {media} m ON m.image_id = a.at.image_id"""


def alternates_sql(candidates: str, media: str, place: int) -> str:
    """Give, as a FROM clause, the addresses of a round: the place-th alternates of what no earlier round brought."""
    return f"""(
        SELECT c.alternates[{place}].image_id AS image_id, c.alternates[{place}].media_id AS media_id,
               c.alternates[{place}].store AS store, c.alternates[{place}].address AS address,
               c.alternates[{place}].host AS host, NULL::DOUBLE AS box_x, NULL::DOUBLE AS box_y,
               NULL::DOUBLE AS box_w, NULL::DOUBLE AS box_h
        FROM {candidates} c
        WHERE len(c.alternates) >= {place}
          AND c.image_id IN (SELECT image_id FROM {media} WHERE outcome IS NOT NULL)
          AND c.record_id NOT IN (SELECT record_id FROM ({attempts_sql(candidates, media)}) WHERE outcome IS NULL)
          AND c.alternates[{place}].image_id NOT IN (SELECT image_id FROM {media}))"""


def _units(batches: Iterator[pa.RecordBatch], size: int) -> Iterator[list[dict[str, Any]]]:
    """Cut rows, sorted by host, lane and medium, into units of at most `size` media of one lane."""
    unit: list[dict[str, Any]] = []
    media = 0
    for batch in batches:
        for row in batch.to_pylist():
            if unit and (row["host"], row["lane"]) != (unit[-1]["host"], unit[-1]["lane"]):
                yield unit
                unit, media = [], 0
            if not unit or row["media_id"] != unit[-1]["media_id"]:
                if media == size:
                    yield unit
                    unit, media = [], 0
                media += 1
            unit.append(row)
    if unit:
        yield unit
