"""The Beam transforms, on real releases: what they give is what the stages write, and no row is lost on the way."""

from __future__ import annotations

import json
import os
import pickle
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.metrics import MetricsFilter, monitoring_infos
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing.test_pipeline import TestPipeline as CheckedPipeline
from apache_beam.testing.util import assert_that, equal_to
from apache_beam.transforms.display import DisplayData

from biomill.beam import (
    ENDED_SCHEMA,
    NAMESPACE,
    RECORD_SCHEMA,
    Policy,
    ReadRelease,
    ReleaseRows,
    ResolveNames,
    resolved_schema,
)
from manifests import SOURCE_KINDS, BiomillError, Recipe, RecipeError
from pipeline.demo import generate_records
from pipeline.model.errors import SourceError, UsageError
from pipeline.model.records import NAME_COLUMNS
from pipeline.sources.darwin_core import gbif
from taxonomy import RESOLVED_SCHEMA, Taxonomy, TaxonomyError, resolve
from tests.conftest import Demo

SOURCES = ("gbif", "eol", "bioscan", "fathomnet")


def reading(recipe: Recipe, name: str, **options: Any) -> ReadRelease:
    (spec,) = [source for source in recipe.sources if source.name == name]
    given = {"media": spec.media, "hierarchy": spec.hierarchy, "license": spec.license, "name": name}
    return ReadRelease(spec.kind, spec.path, **{**given, **options})


def together(reads: list[ReleaseRows]) -> ReleaseRows:
    return ReleaseRows(
        tuple(read.records for read in reads) | "all records" >> beam.Flatten(),
        tuple(read.ended for read in reads) | "all ended" >> beam.Flatten(),
    )


def written(demo: Demo, folder: str, source: str) -> pa.Table:
    """Return what the ingest stage of the demo's run wrote of a source."""
    parts = sorted((demo.out / "ingest" / folder).glob(f"{source}[-.]*.parquet"))
    return pa.concat_tables([pq.read_table(path) for path in parts])


def texts(batch: pa.RecordBatch | pa.Table) -> list[str]:
    return [json.dumps(row, sort_keys=True) for row in batch.to_pylist()]


def assert_each(
    batches: beam.PCollection[pa.RecordBatch],
    what: Callable[[pa.RecordBatch], list[Any]],
    expected: list[Any],
    label: str = "rows",
) -> None:
    """Assert that a function gives these values of the batches together, in any order."""
    assert_that(batches | f"each of {label}" >> beam.FlatMap(what), equal_to(expected), label)


def of_schema(schema: pa.Schema) -> Callable[[list[pa.RecordBatch]], None]:
    def check(batches: list[pa.RecordBatch]) -> None:
        assert batches, "there is a batch to look at"
        for batch in batches:
            assert isinstance(batch, pa.RecordBatch)
            assert batch.num_rows > 0
            assert batch.schema.equals(schema, check_metadata=True), batch.schema

    return check


def counters(result: Any, step: str = "") -> Counter[str]:
    """Return the transforms' counters, summed over the steps whose label begins with `step`."""
    found: Counter[str] = Counter()
    for each in result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))["counters"]:
        if each.key.step.startswith(step):
            found[each.key.metric.name] += each.committed
    return found


@pytest.fixture(scope="module")
def index(demo: Demo) -> Path:
    return demo.out / "taxonomy"


@pytest.mark.parametrize("split_bytes", [16 << 20, 3000])
def test_releases_become_the_rows_that_the_ingest_stage_writes(
    split_bytes: int, demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    if split_bytes < 16 << 20:
        monkeypatch.setattr(gbif, "BUCKET_BYTES", 20_000)
    records, ended = ({name: written(demo, folder, name) for name in SOURCES} for folder in ("records", "ledger"))
    with CheckedPipeline() as pipeline:
        reads = [pipeline | reading(demo.recipe, name, split_bytes=split_bytes) for name in SOURCES]
        every = together(reads)
        assert_each(every.records, texts, texts(pa.concat_tables(records.values())), "records")
        assert_each(every.ended, texts, texts(pa.concat_tables(ended.values())), "ended")
        assert_that(every.records, of_schema(RECORD_SCHEMA), "schema")
    facts = json.loads((demo.out / "ingest" / "_done.json").read_text())["facts"]["sources"]
    for name in SOURCES:
        counted = counters(pipeline.result, f"ReadRelease({name})/")
        outcomes = Counter(ended[name].column("outcome").to_pylist())
        assert counted.pop("splits") >= (1 if split_bytes >= 16 << 20 else 2)
        assert counted == Counter(
            {
                "rows": facts[name]["rows"],
                "records": records[name].num_rows,
                "ended": ended[name].num_rows,
                "absorbed": facts[name]["absorbed"],
                **outcomes,
            }
        )
        assert counted["rows"] == counted["records"] + counted["ended"] + counted["absorbed"] > 50


def test_elements_grow_with_the_splits_and_not_with_splits_times_buckets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate_records(tmp_path, 2000)
    (archive,) = tmp_path.glob("*.zip")
    grown = []
    for split_bytes in (40_000, 20_000, 10_000, 5_000):
        monkeypatch.setattr(gbif, "BUCKET_BYTES", 2 * split_bytes)
        with CheckedPipeline() as pipeline:
            pipeline | ReadRelease("gbif-dwca", archive, split_bytes=split_bytes)
        result: Any = pipeline.result
        assert counters(result)["records"] == 2000
        infos = [info for info in result.monitoring_infos() if info.urn == "beam:metric:element_count:v1"]
        grown.append(sum(monitoring_infos.extract_counter_value(info) for info in infos))
    assert all(more <= 2.2 * less for less, more in pairwise(grown)), grown


def damaged(lines: list[bytes], draw: random.Random) -> Iterator[bytes]:
    """Yield the lines of a table in another order, with about a third of them broken in one of seven ways, or twice."""
    for line in draw.sample(lines, len(lines)):
        cells = line.split(b"\t" if b"\t" in line else b",")
        mark = b"\t" if b"\t" in line else b","
        match draw.randrange(24):
            case 0:
                yield mark.join(cells[: draw.randrange(1, len(cells))])
            case 1:
                yield line + mark * draw.randrange(1, 4)
            case 2:
                yield line.replace(b"/", b"\xff\xfe", 1)
            case 3:
                yield mark.join([b"", *cells[1:]])
            case 4:
                yield mark.join([b"999" + cells[0], *cells[1:]])
            case 5:
                yield mark.join(b"" if b"://" in cell else cell for cell in cells)
            case 6:
                yield line.replace(b"a", b"\x00")
            case 7:
                yield from (line, line)
            case _:
                yield line


def broken_release(kind: str, corpus: Path, folder: Path, seed: int) -> dict[str, int]:
    """Write a damaged copy of a release of the corpus as a folder, and return the rows of its tables."""
    draw, rows = random.Random(seed), {}
    with_quotes = kind == "eol"
    (archive,) = (corpus / kind).glob("*.tgz" if with_quotes else "*.zip")
    folder.mkdir()
    subprocess.run(
        ["tar", "xzf", archive, "-C", folder] if with_quotes else ["unzip", "-q", archive, "-d", folder], check=True
    )
    for table in sorted([*folder.glob("*.txt"), *folder.glob("*.csv")]):
        lines = table.read_bytes().splitlines()
        head = lines[:1] if not with_quotes or table.name == "media_manifest_1.csv" else []
        # A quoted cell may hold the mark, or a line's end: such rows are left whole.
        kept = [line for line in lines[len(head) :] if b'"' not in line]
        kept = list(damaged(kept, draw))
        rows[table.name] = len(kept)
        table.write_bytes(b"\n".join([*head, *kept]) + b"\n")
    return rows


@pytest.mark.parametrize("kind", ["gbif", "eol"])
def test_every_row_of_a_broken_release_ends_in_exactly_one_output(kind: str, demo: Demo, tmp_path: Path) -> None:
    """Rows are counted here as lines, and told apart by where they stood."""
    expected = {f"d{n}": broken_release(kind, demo.corpus.folder, tmp_path / f"d{n}", n) for n in range(6)}
    media = {"gbif": ("multimedia.txt",), "eol": ("media_manifest_1.csv", "media_manifest_2.csv")}[kind]
    places = [(name, table, at + 1) for name, rows in expected.items() for table in media for at in range(rows[table])]
    with CheckedPipeline() as pipeline:
        reads = [
            pipeline | ReadRelease("gbif-dwca" if kind == "gbif" else "eol", tmp_path / name, name=name)
            for name in expected
        ]
        every = together(reads)
        stood = every | "all" >> beam.Flatten() | beam.FlatMap(places_of)
        assert_that(stood | beam.Filter(_in(media)), equal_to(places), "places")
        assert_that(every.ended, _says_why, "evidence")
    counted = counters(pipeline.result)
    assert counted["rows"] == sum(sum(rows.values()) for rows in expected.values())
    assert counted["rows"] == counted["records"] + counted["ended"] + counted["absorbed"]
    assert min(counted["records"], counted["ended"], counted["malformed_row"]) > 30


def places_of(batch: pa.RecordBatch) -> list[tuple[str, str, int]]:
    cells = [batch.column(name).to_pylist() for name in ("source", "locator_file", "locator_row")]
    return list(zip(*cells, strict=True))


def _in(tables: tuple[str, ...]) -> Callable[[tuple[str, str, int]], bool]:
    return lambda place: place[1] in tables


def _says_why(batches: list[pa.RecordBatch]) -> None:
    of_schema(ENDED_SCHEMA)(batches)
    for row in pa.Table.from_batches(batches).to_pylist():
        assert row["outcome"]
        assert json.loads(row["evidence"])
        assert (row["raw"] is not None) == (row["outcome"] == "malformed_row")


def test_names_are_resolved_beside_the_rows_of_their_batch(demo: Demo, index: Path) -> None:
    records = pa.concat_tables([written(demo, "records", source) for source in SOURCES])
    batches = records.combine_chunks().to_batches(max_chunksize=100)
    policy = Policy(fuzzy=False)
    answer = resolve(Taxonomy.open(index, policy=policy), records.select(["name_id", *NAME_COLUMNS]))
    with CheckedPipeline() as pipeline:
        resolved = pipeline | beam.Create(batches) | ResolveNames(index, policy=policy)
        assert resolved.element_type is pa.RecordBatch
        both = [(texts(records.slice(at, 100)), texts(answer.slice(at, 100))) for at in range(0, records.num_rows, 100)]
        assert_each(resolved, given_and_answered, both)
        assert_that(resolved, of_schema(resolved_schema(records.schema)), "schema")
    counted = counters(pipeline.result)
    types = Counter(answer.column("match_type").to_pylist())
    assert counted["unresolved"] == answer.column("accepted_id").null_count > 0
    assert counted == {
        **types,
        "unresolved": counted["unresolved"],
        "resolved": records.num_rows - counted["unresolved"],
    }


def given_and_answered(batch: pa.RecordBatch) -> list[tuple[list[str], list[str]]]:
    """Return the rows as they were given, and their answers, both in the order of the batch."""
    return [(given(batch), texts(batch.select(RESOLVED_SCHEMA.names)))]


def given(batch: pa.RecordBatch) -> list[str]:
    own = batch.select(range(len(RECORD_SCHEMA)))
    return texts(own.rename_columns([name.removeprefix("given_") for name in own.schema.names]))


def test_records_get_the_taxa_that_the_resolve_stage_gives_their_names(demo: Demo, index: Path) -> None:
    names = {row["name_id"]: row for row in pq.read_table(demo.out / "resolve" / "names").to_pylist()}
    records = written(demo, "records", "gbif").select(["record_id", "name_id"]).to_pylist()
    expected = [(row["record_id"], names[row["name_id"]]["accepted_id"]) for row in records]
    with CheckedPipeline() as pipeline:
        resolved = (pipeline | reading(demo.recipe, "gbif")).records | ResolveNames(index)
        assert_each(resolved, accepted, expected)


def accepted(batch: pa.RecordBatch) -> list[tuple[str, str | None]]:
    return [(row["record_id"], row["accepted_id"]) for row in batch.select(["record_id", "accepted_id"]).to_pylist()]


def test_columns_of_other_names_are_resolved_where_they_are_named(index: Path) -> None:
    batch = pa.record_batch({"label": ["Puma concolor", None, "Oenanthe"], "family": [None, None, "Apiaceae"]})
    asked = {"scientific_name": batch["label"], "family": batch["family"]}
    answer = resolve(Taxonomy.open(index), pa.table(asked)).column("accepted_name").to_pylist()
    for columns, expected in (
        ({"scientific_name": "label", "family": "family"}, answer),
        ({"scientific_name": "label"}, [answer[0], None, None]),
    ):
        with CheckedPipeline() as pipeline:
            resolved = pipeline | beam.Create([batch]) | ResolveNames(index, columns=columns)
            found = resolved | beam.Map(lambda done: done["accepted_name"].to_pylist())
            assert_that(found, equal_to([expected]))
    assert answer[2] is not None


def test_a_batch_without_the_name_ends_the_pipeline_with_what_it_has(index: Path) -> None:
    batch = pa.record_batch({"scientificName": ["Puma concolor"], "genus": ["Puma"]})
    with pytest.raises(Exception, match=r"no column 'scientific_name'") as raised, CheckedPipeline() as pipeline:
        pipeline | beam.Create([batch]) | ResolveNames(index)
    assert "columns: scientificName, genus" in str(raised.value)
    assert "columns={" in str(raised.value)


def test_resolving_twice_is_refused_rather_than_mixed_up(index: Path) -> None:
    once = resolved_schema()
    with pytest.raises(TaxonomyError, match="two columns would be named 'given_"):
        resolved_schema(once)
    batch = once.empty_table().to_batches() or [pa.RecordBatch.from_pylist([{}], schema=once)]
    with pytest.raises(Exception, match="two columns would be named"), CheckedPipeline() as pipeline:
        pipeline | beam.Create(batch) | ResolveNames(index)


@pytest.mark.parametrize("kind", SOURCE_KINDS)
def test_a_release_that_is_not_there_is_refused_when_the_transform_is_made(kind: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError) as raised:
        ReadRelease(kind, tmp_path / "absent.zip")
    assert str(tmp_path / "absent.zip") in str(raised.value)


def test_arguments_that_cannot_be_meant_are_refused_when_the_transform_is_made(demo: Demo, index: Path) -> None:
    path = next(source.path for source in demo.recipe.sources if source.name == "gbif")
    wrong: list[tuple[type[BiomillError], str, Callable[[], object]]] = [
        (RecipeError, "write 'gbif-dwca'", lambda: ReadRelease("gbif-dwc", path)),
        (RecipeError, "source.path", lambda: ReadRelease("gbif-dwca", "")),
        (RecipeError, "source.name", lambda: ReadRelease("gbif-dwca", path, name="../up")),
        (UsageError, "split_bytes", lambda: ReadRelease("gbif-dwca", path, split_bytes=0)),
        (SourceError, "no multimedia table|does not|cannot|no ", lambda: ReadRelease("gbif-dwca", index)),
        (TaxonomyError, "no built taxonomy", lambda: ResolveNames(demo.corpus.folder)),
        (TaxonomyError, "'label'", lambda: ResolveNames(index, columns={"label": "scientific_name"})),
        (TaxonomyError, "'scientific_name'", lambda: ResolveNames(index, columns={"family": "family"})),
    ]
    for error, message, make in wrong:
        with pytest.raises(error, match=message):
            make()
    with pytest.raises(UsageError, match="takes no PCollection"):
        CheckedPipeline() | beam.Create([1]) | ReadRelease("gbif-dwca", path)
    with pytest.raises(beam.typehints.TypeCheckError, match="RecordBatch"):
        CheckedPipeline() | beam.Create(["Puma concolor"]) | ResolveNames(index)


def test_transforms_survive_pickling_and_the_journey_to_another_runner(demo: Demo, index: Path) -> None:
    read, names = (pickle.loads(pickle.dumps(each)) for each in (reading(demo.recipe, "eol"), ResolveNames(index)))
    assert (read.label, names.label) == ("ReadRelease(eol)", "ResolveNames")
    expected = len(texts(written(demo, "records", "eol")))
    pipeline = CheckedPipeline()
    resolved = (pipeline | read).records | names
    assert_that(resolved | beam.Map(len) | beam.CombineGlobally(sum), equal_to([expected]))
    again = beam.Pipeline.from_runner_api(pipeline.to_runner_api(), pipeline.runner, pipeline.options)
    again.run().wait_until_finish()


def test_what_a_runner_shows_says_which_release_and_which_taxonomy(demo: Demo, index: Path) -> None:
    shown = {
        item.key: item.value
        for transform in (reading(demo.recipe, "gbif"), ResolveNames(index, policy=Policy(fuzzy=False)))
        for item in DisplayData.create_from(transform).items
    }
    assert (shown["kind"], shown["source"], shown["fuzzy"]) == ("gbif-dwca", "gbif", False)
    assert shown["path"].endswith("0012345-260101000000000.zip")
    assert shown["taxonomy_build"] == Taxonomy.open(index, policy=Policy(fuzzy=False)).build_id


def test_worker_processes_give_the_same_rows(demo: Demo, index: Path, tmp_path: Path) -> None:
    records, ended = (written(demo, folder, "gbif") for folder in ("records", "ledger"))
    options = PipelineOptions(["--direct_num_workers=2", "--direct_running_mode=multi_processing"])
    with CheckedPipeline(options=options) as pipeline:
        read = pipeline | reading(demo.recipe, "gbif", spool=tmp_path, split_bytes=20_000)
        resolved = read.records | ResolveNames(index)
        assert_each(resolved, given, texts(records), "records")
        assert_each(read.ended, texts, texts(ended), "ended")
    counted = counters(pipeline.result)
    assert counted["records"] == counted["resolved"] + counted["unresolved"] == records.num_rows
    (folder,) = tmp_path.iterdir()
    assert list((folder / "spool").glob("gbif.*.arrow")), "rows met in the folder that was named"


def test_the_package_is_imported_without_beam() -> None:
    code = "import sys, biomill; sys.exit('apache_beam' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_example_counts_what_the_stages_found(demo: Demo, tmp_path: Path) -> None:
    script = Path(__file__).parents[2] / "examples" / "beam_transform.py"
    out, temporary = tmp_path / "out", tmp_path / "temporary"
    temporary.mkdir()
    arguments = [str(demo.corpus.folder), str(demo.out / "taxonomy"), str(out)]
    environment = {**os.environ, "TMPDIR": str(temporary)}
    done = subprocess.run([sys.executable, script, *arguments], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    types = dict(zip(*pq.read_table(demo.out / "resolve" / "names").select(["name_id", "match_type"]), strict=True))
    names = [(name, key) for name in ("gbif", "eol") for key in written(demo, "records", name).column("name_id")]
    counts = Counter((name, types[key].as_py()) for name, key in names)
    expected = {f"{source},{match_type},{rows}" for (source, match_type), rows in counts.items()}
    (table,) = out.glob("match_types*.csv")
    header, *lines = table.read_text().splitlines()
    assert (header, set(lines), len(lines)) == ("source,match_type,rows", expected, len(expected))
    found = {name: pa.concat_tables(map(pq.read_table, out.glob(f"{name}*.parquet"))) for name in ("resolved", "ended")}
    assert sum(int(line.rpartition(",")[2]) for line in lines) == found["resolved"].num_rows
    assert found["ended"].num_rows == sum(written(demo, "ledger", name).num_rows for name in ("gbif", "eol"))
    assert list(temporary.glob("biomill-*")) == [], "what was unpacked is removed when the process ends"


def test_the_pipeline_of_the_documentation_runs_as_it_is_written(demo: Demo, tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "beam.md").read_text(encoding="utf-8")
    (tmp_path / "own.py").write_text(page.split("```python\n")[1].split("```")[0], encoding="utf-8")
    (tmp_path / "out" / "demo").mkdir(parents=True)
    (tmp_path / "out" / "demo" / "run").symlink_to(demo.out)
    (tmp_path / "out" / "demo" / "corpus").symlink_to(demo.corpus.folder)
    done = subprocess.run([sys.executable, "own.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    records, ended = (written(demo, folder, "gbif").num_rows for folder in ("records", "ledger"))
    assert f"records {records}\n" in done.stdout
    (table,) = (tmp_path / "out" / "beam").glob("ended*.parquet")
    assert pq.read_metadata(table).num_rows == ended
