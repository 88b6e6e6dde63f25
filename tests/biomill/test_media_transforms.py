"""`FetchMedia` and `WriteShards` in pipelines of their own: what a run's stages write, here and on a job service."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import random
import subprocess
import sys
import tarfile
import threading
from collections import Counter
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.metrics import MetricsFilter
from apache_beam.options.pipeline_options import PipelineOptions
from PIL import Image

from biomill.beam import FETCHED_FIELDS, NAMESPACE, SHARD_SCHEMA, FetchMedia, WriteShards, fetched_schema
from manifests import FetchRules, RecipeError
from pipeline.model.errors import UsageError
from tests.conftest import Demo
from tests.job_service import Services, job_services

RANKS = ("kingdom", "phylum", "class", "order", "family", "genus", "species")


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    with job_services() as services:
        yield services


def options(runner: str, request: pytest.FixtureRequest) -> PipelineOptions:
    if runner == "local":
        return PipelineOptions([])
    services = request.getfixturevalue("services")
    words = ["--runner=PortableRunner", f"--job_endpoint={services.jobs}", *services.options.beam_options]
    return PipelineOptions(words)


class Keep(beam.DoFn):
    """Write every batch into a folder that the test reads, as Parquet."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def process(self, batch: pa.RecordBatch) -> None:
        table = pa.Table.from_batches([batch])
        name = hashlib.sha256(repr(table.to_pydict()).encode()).hexdigest()
        pq.write_table(table, Path(self.folder) / f"{name}.parquet")


def ran(batches: list[pa.RecordBatch], transform: Any, folder: Path, given: PipelineOptions) -> tuple[pa.Table, Any]:
    folder.mkdir()
    pipeline = beam.Pipeline(options=given)
    pipeline | beam.Create(batches) | transform | beam.ParDo(Keep(folder))
    result = pipeline.run()
    result.wait_until_finish()
    return pa.concat_tables(map(pq.read_table, sorted(folder.glob("*.parquet")))), result


def counted(result: Any) -> Counter[str]:
    found = result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))["counters"]
    return Counter({each.key.metric.name: each.committed for each in found})


@pytest.fixture(scope="module")
def records(demo: Demo) -> pa.Table:
    """Records of the demo whose media the network has, and what the run's fetch stored of them."""
    table = pq.read_table(demo.out / "ingest" / "records").filter(pa.compute.field("source") == "gbif")
    return table.filter(pa.compute.field("media_url").is_valid()).slice(0, 60)


@pytest.mark.parametrize("runner", ["local", "portable"])
def test_media_are_what_the_fetch_stage_stores(
    runner: str, demo: Demo, records: pa.Table, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    transform = FetchMedia(fetch=demo.recipe.fetch, image=demo.recipe.image, lanes=3)
    batches = records.to_batches(max_chunksize=25)
    fetched, result = ran(batches, transform, tmp_path / "kept", options(runner, request))
    assert fetched.schema.names == fetched_schema(records.schema).names
    assert sorted(fetched["record_id"].to_pylist()) == sorted(records["record_id"].to_pylist())
    stored = {
        row["address"]: row
        for row in pq.read_table(demo.out / "fetch" / "media").to_pylist()
        if row["outcome"] in (None, "not_found", "not_an_image")
    }
    compared = 0
    for row in fetched.to_pylist():
        assert (row["outcome"] is None) == (row["jpeg"] is not None)
        if (other := stored.get(row["media_url"])) is None:
            continue
        compared += 1
        for name in ("outcome", "sha256", "phash", "pdq", "width", "height", "pixel_sha256"):
            assert row[name] == other[name], (name, row["media_url"])
        if row["jpeg"]:
            assert Image.open(io.BytesIO(row["jpeg"])).size == (row["width"], row["height"])
    assert compared > 20
    outcomes = Counter(f"image_{outcome or 'stored'}" for outcome in fetched["outcome"].to_pylist())
    assert counted(result) == outcomes and outcomes["image_stored"] > 20


def drawn(number: int) -> pa.Table:
    """Samples with pictures of their own, and one without."""
    rows = []
    for place in range(number):
        file = io.BytesIO()
        Image.new("RGB", (16, 16), (place, 2 * place % 256, 7)).save(file, "JPEG")
        lineage = dict.fromkeys(RANKS) | {"kingdom": "Animalia", "genus": "Puma", "species": "Puma concolor"}
        rows.append({"record_id": f"r{place}", "jpeg": file.getvalue(), "pdq": bytes([place]), "n": place, **lineage})
    return pa.Table.from_pylist([*rows, {**rows[0], "record_id": "none", "jpeg": None}])


def tars(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("runner", ["local", "portable"])
def test_shards_have_the_same_bytes_in_any_order_on_any_runner(
    runner: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    table = drawn(40)
    first = ran(table.to_batches(), WriteShards(tmp_path / "a", 3, seed=5), tmp_path / "ka", PipelineOptions([]))[0]
    places = list(range(table.num_rows))
    random.Random(1).shuffle(places)
    batches = table.take(places).to_batches(max_chunksize=7)
    transform = WriteShards(tmp_path / "b", 3, seed=5)
    second, result = ran(batches, transform, tmp_path / "kb", options(runner, request))
    assert tars(tmp_path / "a") == tars(tmp_path / "b") and len(tars(tmp_path / "a")) == 6
    assert sorted(map(str, first.to_pylist())) == sorted(map(str, second.to_pylist()))
    assert counted(result) == Counter(shards=3, samples=40, without_image=1)
    assert second.schema.equals(SHARD_SCHEMA)
    by_key = {row["record_id"]: row for row in table.to_pylist()}
    for row in second.to_pylist():
        data = (tmp_path / "b" / row["shard"]).read_bytes()
        jpeg = data[row["jpg_offset"] : row["jpg_offset"] + row["jpg_length"]]
        assert jpeg == by_key[row["key"]]["jpeg"] and hashlib.sha256(jpeg).hexdigest() == row["sha256"]
    with tarfile.open(next((tmp_path / "b").glob("*.tar"))) as tar:
        names = tar.getnames()
        assert [name.partition(".")[2] for name in names[:3]] == ["jpg", "txt", "json"]
        key = names[0].partition(".")[0]
        told = json.load(tar.extractfile(names[2]))  # type: ignore[arg-type]
        assert told["n"] == by_key[key]["n"] and told["pdq"] == by_key[key]["pdq"].hex() and "jpeg" not in told
        assert b"Puma concolor" in tar.extractfile(names[1]).read()  # type: ignore[union-attr]


def test_one_after_the_other_in_one_pipeline(demo: Demo, records: pa.Table, tmp_path: Path) -> None:
    with beam.Pipeline() as pipeline:
        (
            pipeline
            | beam.Create(records.to_batches())
            | FetchMedia(fetch=demo.recipe.fetch, image=demo.recipe.image)
            | WriteShards(tmp_path / "shards", 2)
        )
    assert {path.suffix for path in (tmp_path / "shards").iterdir()} == {".tar", ".idx"}


def test_the_example_makes_shards_of_a_list(tmp_path: Path) -> None:
    script = Path(__file__).parents[2] / "examples" / "shards_of_addresses.py"
    folder = tmp_path / "www"
    folder.mkdir()
    Image.effect_mandelbrot((200, 150), (-2, -1, 1, 1), 60).save(folder / "a.png")
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        (tmp_path / "images.csv").write_text(f"key,url\na1,{address}/a.png\nb1,{address}/gone.png\n")
        words = [
            str(tmp_path / "images.csv"),
            str(tmp_path / "shards"),
            "--allow-private",
            "127.0.0.1",
            "--contact",
            "me@example.org",
        ]
        done = subprocess.run([sys.executable, script, *words], capture_output=True, text=True, timeout=120)
        server.shutdown()
    assert "image_stored 1" in done.stdout and "samples 1" in done.stdout, done.stdout + done.stderr
    with tarfile.open(next((tmp_path / "shards").glob("*.tar"))) as tar:
        assert tar.getnames() == ["a1.jpg", "a1.json"]


def test_a_key_that_comes_twice_is_an_error(tmp_path: Path) -> None:
    table = drawn(3)
    with pytest.raises(Exception, match="twice"), beam.Pipeline() as pipeline:
        pipeline | beam.Create(pa.concat_tables([table, table]).to_batches()) | WriteShards(tmp_path / "s", 1)
    assert not list((tmp_path / "s").glob("*.tar"))


def test_what_cannot_be_right_is_said_where_the_transform_is_made(tmp_path: Path) -> None:
    for make in (
        lambda: FetchMedia(lanes=0),
        lambda: WriteShards(tmp_path, 0),
        lambda: fetched_schema(pa.schema({"sha256": pa.string()})),
    ):
        with pytest.raises(UsageError):
            make()
    with pytest.raises(RecipeError, match="attempts"):
        FetchMedia(fetch=FetchRules(attempts=0))
    assert FetchMedia(contact="me@example.org").fetch.contact == "me@example.org"


@pytest.mark.parametrize("transform", [FetchMedia(column="url"), WriteShards("nowhere", 1, key="id")])
def test_batches_without_the_columns_are_told(transform: Any) -> None:
    with pytest.raises(Exception, match=r"the batches have no column '(url|id)'"), beam.Pipeline() as pipeline:
        pipeline | beam.Create(pa.table({"a": [1]}).to_batches()) | transform


def test_transforms_travel_and_say_what_they_do() -> None:
    for transform in (FetchMedia(), WriteShards("out", 4)):
        again = pickle.loads(pickle.dumps(transform))
        assert {key: item.value for key, item in again.display_data().items()} == {
            key: item.value for key, item in transform.display_data().items()
        }
    assert [field.name for field in FETCHED_FIELDS][:2] == ["outcome", "detail"]
