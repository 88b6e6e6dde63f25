"""`biomill evaluate` on the demo: from its pictures' colours, by every option, with its document and its scores."""

from __future__ import annotations

import importlib.util
import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import biomill
from manifests import ScoresSpec
from pipeline.cards.plots import shown
from pipeline.catalog import open_catalog
from pipeline.commands.cli import main
from pipeline.engine.engine import EngineOptions
from pipeline.evaluate import Labelled, read_run, write_embeddings
from pipeline.run.driver import run
from pipeline.scores.joined import key_sql
from pipeline.scores.read import read_scores
from tests.conftest import Demo
from tests.pipeline.commands.test_json_documents import document

FEW = ("--permutations", "19", "--folds", "2")


@pytest.fixture(scope="module")
def pictures(demo: Demo) -> Labelled:
    return read_run(demo.out)


@pytest.fixture(scope="module")
def given(pictures: Labelled, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Vectors that follow the lineages: of pictures, texts, an untrained model, and traits."""
    folder, random = tmp_path_factory.mktemp("given"), np.random.default_rng(0)
    codes = pictures.lineages.codes
    tree = np.sum([random.standard_normal((codes.max() + 2, 64))[codes[:, rank]] for rank in range(7)], axis=0)
    noise = random.standard_normal((len(pictures), 64))
    write_embeddings(folder / "e.parquet", pictures.keys, (tree[pictures.labels] + noise).astype(np.float16))
    write_embeddings(folder / "t.parquet", pictures.classes, tree.astype(np.float32), key="accepted_id")
    write_embeddings(folder / "u.parquet", pictures.keys, noise.astype(np.float32))
    pq.write_table(pa.table({"accepted_id": pictures.classes, "mass": tree[:, 0]}), folder / "traits.parquet")
    return folder


def test_the_samples_of_a_run_are_what_is_evaluated(demo: Demo, pictures: Labelled) -> None:
    with open_catalog(demo.out) as con:
        rows = con.sql("SELECT key, accepted_id, genus, split, sex FROM samples ORDER BY key").fetchall()
    assert pictures.keys == tuple(row[0] for row in rows)
    assert [pictures.classes[label] for label in pictures.labels] == [row[1] for row in rows]
    genera = [pictures.ranks[label]["genus"] for label in pictures.labels]
    assert genera == [row[2] for row in rows]
    assert pictures.columns["split"] == tuple(row[3] for row in rows)
    assert pictures.columns["sex"] == tuple(row[4] for row in rows)


def test_shards_alone_are_evaluated_with_the_columns_that_they_have(
    demo: Demo, pictures: Labelled, tmp_path: Path
) -> None:
    (tmp_path / "manifest.parquet").write_bytes((demo.out / "shards" / "manifest.parquet").read_bytes())
    alone = read_run(tmp_path)
    assert (alone.keys, alone.classes, alone.record_ids) == (pictures.keys, pictures.classes, pictures.record_ids)
    assert alone.labels.tolist() == pictures.labels.tolist()
    assert set(alone.columns) == {"split", "group_id", "source", "license_id"}
    with pytest.raises(biomill.EvaluationError, match="cannot be read"):
        read_run(tmp_path / "none")


def test_everything_is_written_and_told(
    demo: Demo, given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", str(demo.out), "--embeddings", str(given / "e.parquet"), "--texts", str(given / "t.parquet")]
    words += ["--untrained", str(given / "u.parquet"), "--traits", str(given / "traits.parquet"), *FEW]
    assert main([*words, "-o", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    for part in ("zero shot, among", "nearest centroid, among", "alignment with traits", "untrained", "slice by"):
        assert part in said
    first = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert set(first) == {"report.html", "evaluation.json", "confusion.parquet", "taxa.parquet", "scores.parquet"}
    assert f"report    {tmp_path / 'out' / 'report.html'}" in said
    assert main([*words, "-o", str(tmp_path / "out")]) == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == first
    assert json.loads(first["evaluation.json"])["classifications"][0]["parts"][0]["top"][0]["accuracy"] > 0.9


def test_the_document_has_the_keys_of_the_page(
    demo: Demo, given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--embeddings", str(given / "e.parquet"), "--texts", str(given / "t.parquet"), *FEW]
    found = document(capsys, "evaluate", str(demo.out), *words)
    assert found["calibration"] is not None and found["linear_probe"] is not None
    without_splits(demo, tmp_path)
    bare = document(capsys, "evaluate", str(tmp_path), *words[:2], *FEW)
    assert (bare["classifications"], bare["linear_probe"], bare["trained"]) == ([], None, 0)


def without_splits(demo: Demo, folder: Path) -> None:
    """Write shards' manifest whose pictures are of no split."""
    table = pq.read_table(demo.out / "shards" / "manifest.parquet")
    place = table.schema.get_field_index("split")
    table = table.set_column(place, "split", pa.nulls(len(table), pa.string()))
    pq.write_table(table, folder / "manifest.parquet")


def test_a_split_that_the_run_does_not_have_is_refused(
    demo: Demo, given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--embeddings", str(given / "e.parquet"), *FEW, "-o", str(tmp_path / "out")]
    for split, remedy in (("", "name one of them"), ("nosuch", "name one of them"), ("trian", "did you mean 'train'?")):
        assert main(["evaluate", str(demo.out), *words, "--train", split]) == 1
        said = capsys.readouterr().err
        assert f"there is no split {split!r}" in said and remedy in said
        assert re.search(r"one of the splits train \(\d+ pictures\), val \(\d+ pictures\)", said)
    with pytest.raises(biomill.EvaluationError, match="there is no split 'nosuch'"):
        biomill.open_run(demo.out).evaluate(given / "e.parquet", train="nosuch", permutations=19)
    without_splits(demo, tmp_path)
    assert main(["evaluate", str(tmp_path), *words, "--train", "train"]) == 1
    assert "the pictures have no splits" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("option", ["--embeddings", "--untrained", "--texts"])
@pytest.mark.parametrize(("value", "what"), [(np.nan, "no finite number"), (np.inf, "no finite"), (0, "is of zeros")])
def test_a_vector_without_direction_is_told_with_its_row_of_the_file(
    demo: Demo, pictures: Labelled, given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    option: str, value: float, what: str,
) -> None:  # fmt: skip
    keys, name = (pictures.classes, "accepted_id") if option == "--texts" else (pictures.keys, "key")
    order = np.random.default_rng(1).permutation(len(keys))
    vectors = np.ones((len(keys), 64), np.float32)
    vectors[4] = value
    write_embeddings(tmp_path / "bad.parquet", [keys[place] for place in order], vectors, key=name)
    words = [] if option == "--embeddings" else ["--embeddings", str(given / "e.parquet")]
    assert main(["evaluate", str(demo.out), *words, option, str(tmp_path / "bad.parquet"), *FEW]) == 1
    said = capsys.readouterr().err
    assert what in said and f"{tmp_path / 'bad.parquet'}, row 5, key {keys[order[4]]!r}" in said


def test_scores_of_a_run_match_its_records(demo: Demo, given: Path, tmp_path: Path) -> None:
    found = biomill.open_run(demo.out).evaluate(given / "e.parquet", permutations=19, folds=2, out=tmp_path / "out")
    assert found.evaluation.diagnostics is not None
    spec = ScoresSpec(name="embedding", path=str(tmp_path / "out" / "scores.parquet"), key="record_id")
    scores = read_scores(spec).rows
    with open_catalog(demo.out) as con:
        con.register("scores", scores)
        query = f"SELECT count(*), count(DISTINCT r.record_id) FROM records r JOIN scores s ON s.key = {key_sql(spec)}"
        assert con.sql(query).fetchall() == [(len(scores), len(scores))]
    assert len(scores) == found.evaluation.images


@pytest.mark.whole
def test_a_recipe_leaves_out_what_the_scores_say(demo: Demo, given: Path, tmp_path: Path) -> None:
    biomill.open_run(demo.out).evaluate(given / "e.parquet", permutations=19, out=tmp_path / "out")
    path = tmp_path / "out" / "scores.parquet"
    scores = pq.read_table(path, columns=["record_id", "distance"]).to_pylist()
    limit = float(np.median([row["distance"] for row in scores if row["distance"] is not None]))
    where = f"coalesce(embedding.distance < {limit}, true)"
    spec = ScoresSpec(name="embedding", path=str(path), key="record_id")
    recipe = replace(demo.recipe, select=replace(demo.recipe.select, where=where), scores=(spec,))
    run(recipe, tmp_path / "run", "screen", options=EngineOptions())
    far = {row["record_id"] for row in scores if row["distance"] is not None and row["distance"] >= limit}
    ended = biomill.open_run(tmp_path / "run").sql("SELECT row_id FROM ledger WHERE outcome = 'not_selected'")
    assert len(far) > 100
    assert set(ended["row_id"].to_pylist()) == far


@pytest.mark.parametrize("partial", [False, True])
def test_pictures_without_an_embedding_are_refused_or_counted(
    demo: Demo, pictures: Labelled, tmp_path: Path, capsys: pytest.CaptureFixture[str], partial: bool
) -> None:
    count = len(pictures) - 7
    vectors = np.random.default_rng(0).standard_normal((count, 8)).astype(np.float32)
    write_embeddings(tmp_path / "e.parquet", pictures.keys[:count], vectors)
    words = ["evaluate", str(demo.out), "--embeddings", str(tmp_path / "e.parquet"), *FEW]
    assert main([*words, *(["--partial"] if partial else [])]) == (0 if partial else 1)
    told = capsys.readouterr()
    assert ("7 without an embedding are left out" in told.out) == partial
    assert ("7 pictures of the run have no embedding" in told.err) != partial


def test_a_folder_of_other_things_is_not_written_into(
    demo: Demo, given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    words = ["evaluate", str(demo.out), "--embeddings", str(given / "e.parquet"), "-o", str(tmp_path)]
    assert main(words) == 2
    assert "holds other things" in capsys.readouterr().err


def test_the_report_names_whose_pictures_it_shows(demo: Demo, given: Path, tmp_path: Path) -> None:
    """Pictures that are shown by a model that knows nothing are many: each has its creator, licence and page."""
    done = biomill.open_run(demo.out).evaluate(given / "u.parquet", permutations=19, folds=2, out=tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text()
    assert done.confusion and page.count("<img ") > 20
    (credits,) = re.findall(r'<section id="credits".*?</section>', page, re.DOTALL)
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr>(<td.*?)</tr>", credits)]
    told = {cells[0].removeprefix("<bdi>").removesuffix("</bdi>"): cells for cells in rows}
    with open_catalog(demo.out) as con:
        query = "SELECT key, coalesce(nullif(creator, ''), rights_holder), license_id, source_page FROM samples"
        known = {key: rest for key, *rest in con.sql(query).fetchall()}
    assert len(told) > 20
    for key, cells in told.items():
        for value, cell in zip(known[key], (cells[1], cells[2], cells[4]), strict=True):
            assert not value or shown(value) in unescape(cell)
    links = set(re.findall(r'<a href="(http[^"]*)" rel="noreferrer nofollow">source</a>', page))
    assert links and links <= {
        unescape(cells[4]).removeprefix("<bdi>").removesuffix("</bdi>") for cells in told.values()
    }


def test_a_condition_and_an_empty_one(
    demo: Demo, given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", str(demo.out), "--embeddings", str(given / "e.parquet"), *FEW]
    assert main([*words, "--where", "image_category IS NOT NULL AND split <> 'train'"]) == 0
    assert "judged are those where: image_category IS NOT NULL" in capsys.readouterr().out
    assert main([*words, "--where", "false", "-o", str(tmp_path / "out")]) == 1
    assert "no picture is chosen" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--embeddings", "e.parquet", "--where", " "], "the condition of --where is empty"),
        (["--embeddings", "e.parquet", "--name", "model"], "how vectors are made is told"),
        (["--embeddings", "e.parquet", "--batch", "256"], "how vectors are made is told"),
        (["--embeddings", "e.parquet", "--workers", "0"], "how vectors are made is told"),
        (["--embeddings", "e.parquet", "--device", "cpu"], "how vectors are made is told"),
        (["--embeddings", "e.parquet", "--text", "sci"], "--text names captions, of which there are no vectors"),
        (["--embeddings", "e.parquet", "--texts", "t.parquet", "--text", "sci"], "expect: --text or --texts"),
        (["--model", "tiny", "--name", "x", "-o", "out/none-there"], "expect: --name or -o"),
        (["--embeddings", "e.parquet", "--template", "{}"], "--template beside --model"),
        (["--embeddings", "e.parquet", "--open"], "there is no report without a folder"),
        (["--embeddings", "e.parquet", "--rank", "family"], "there is no report without a folder"),
        (
            ["--embeddings", "e.parquet", "-o", "out/none-there", "--compare", "none"],
            "the other evaluation cannot be read",
        ),
    ],
)
def test_options_that_need_others_say_so(
    demo: Demo, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert main(["evaluate", str(demo.out), *words]) in (1, 2)
    assert said in capsys.readouterr().err


def test_one_of_vectors_and_model_is_needed(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["--embeddings", "e.parquet", "--model", "tiny"]):
        with pytest.raises(SystemExit):
            main(["evaluate", str(demo.out), *words])
        assert "--model" in capsys.readouterr().err


def test_a_model_needs_pytorch_and_one_sentence_says_so(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "torch" else found(name, *rest)
    )
    assert main(["evaluate", str(demo.out), "--model", "tiny", "-o", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert told.strip().endswith("`biomill evaluate --model` needs PyTorch: pip install 'biomill[train]'")
    assert len(told.strip().splitlines()) == 1


def test_the_report_is_opened_where_there_is_a_screen_alone(
    demo: Demo, given: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def opened(address: str) -> bool:
        asked.append(address)
        return True

    monkeypatch.setattr("webbrowser.open", opened)
    monkeypatch.setattr("sys.platform", "linux")
    words = ["evaluate", str(demo.out), "--embeddings", str(given / "e.parquet"), *FEW, "-o", str(tmp_path), "--open"]
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert main(words) == 0 and asked == []
    monkeypatch.setenv("DISPLAY", ":0")
    assert main(words) == 0 and asked == [(tmp_path / "report.html").as_uri()]
