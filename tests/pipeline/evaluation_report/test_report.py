"""The report of an evaluation: whole, the same bytes, harmless, and clear about what is missing."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import unicodedata
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from pipeline.evaluate import evaluate_run
from pipeline.evaluation_report import Beside, write_with_report
from pipeline.evaluation_report.evaluation_page import model_name
from pipeline.evaluation_report.taxon_sections import OF_WORST, WORST
from pipeline.model.errors import EvaluationError
from tests.pipeline.evaluation_report.conftest import RULES, Rows, Written, colour, write

SECTIONS = (
    *("top", "ranks", "training", "mistakes", "groups", "worst", "pairs", "labels", "calibration", "slices"),
    *("controls", "learned", "structure", "missing", "credits"),
)
HARM = "<script>alert(1)</script><img src=x onerror=alert(1)> \"' \u202egnp\n</style>"


class Page(HTMLParser):
    """The sections of a page as text, its pictures with their captions, and every tag and attribute."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)
        found = re.findall(r'<section id="(\w+)"(.*?)</section>', text, re.DOTALL)
        self.parts = dict(found)
        self.sections = {name: unescape(re.sub(r"<[^>]*>", " ", part)) for name, part in found}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def pictures(self, section: str) -> list[list[tuple[str, tuple[int, ...]]]]:
        """Return by group the caption of each picture and the colour in its middle."""
        groups = re.findall(r'<div class="group">(.*?)</div>', self.parts[section], re.DOTALL)
        return [
            [
                (unescape(caption), middle(data))
                for data, caption in re.findall(r'src="data:image/webp;base64,([^"]*)".*?<bdi>(.*?)</bdi>', group)
            ]
            for group in groups
        ]


def middle(data: str) -> tuple[int, ...]:
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        found = picture.convert("RGB").getpixel((picture.width // 2, picture.height // 2))
    assert isinstance(found, tuple)
    return tuple(int(each) for each in found)


def harmless(text: str) -> Page:
    """Assert that a page runs nothing and asks nobody."""
    page = Page(text)
    assert page.tags.isdisjoint({"script", "iframe", "object", "embed", "link", "form", "base"})
    assert all(not name.startswith("on") for name, _ in page.attributes)
    assert all(value.startswith("data:image/webp;base64,") for name, value in page.attributes if name == "src")
    assert all(re.match(r"#\w+$|https?://", value) for name, value in page.attributes if name == "href")
    assert {each for each in text if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp")} <= {"\n"}
    return page


def test_every_section_is_there_with_what_the_document_says(written: Written, tmp_path: Path) -> None:
    page = harmless(written.page(tmp_path / "out"))
    assert tuple(page.sections) == SECTIONS
    facts = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    zero_shot = facts["classifications"][0]
    for part in zero_shot["parts"]:
        for rank in part["ranks"]:
            assert f"{100 * rank['accuracy']:.1f}\N{NO-BREAK SPACE}%" in page.sections["ranks"]
    assert f"{zero_shot['parts'][0]['severity']['mistakes']:,} pictures of" in page.sections["mistakes"]
    for each in facts["controls"]:
        assert each["name"].replace("_", " ") in page.sections["controls"]
    for each in facts["spread"]:
        assert f"between / within, {each['rank']}" in page.sections["structure"]
    assert "no log of `biomill train` was given" in page.sections["training"]
    assert "Missing: the training" in page.sections["top"]


def test_wrong_pictures_stand_beside_one_of_the_taxon_that_they_were_taken_for(
    written: Written, tmp_path: Path
) -> None:
    page = Page(written.page(tmp_path))
    done = written.evaluated()
    number = {name: place for place, name in enumerate(done.pictures.names)}
    taken = {(pair.true, pair.predicted) for pair in done.found.confusion}
    worst = page.pictures("worst")
    assert len(worst) == WORST and all(2 <= len(group) <= OF_WORST + 1 for group in worst)
    for group in [*worst, *page.pictures("pairs")]:
        *wrong, other = group
        assert {(number[caption], number[other[0]]) for caption, _ in wrong} <= taken
        for caption, seen in group:
            assert max(abs(a - b) for a, b in zip(seen, colour(number[caption]), strict=True)) < 12


def test_likely_mislabels_are_shown_unless_the_embeddings_cannot_tell(written: Written, tmp_path: Path) -> None:
    clearer = write(tmp_path / "clearer", noise=2.0)
    page, found = Page(clearer.page(tmp_path / "one")), clearer.evaluated().found.diagnostics
    assert found is not None and found.tells_labels and 0 < len(page.pictures("labels")) <= found.mislabelled.sum()
    page, found = Page(written.page(tmp_path / "two")), written.evaluated().found.diagnostics
    assert found is not None and not found.tells_labels
    assert "labels would be wrong: they cannot tell" in page.sections["labels"] and not page.pictures("labels")


def test_the_same_input_gives_the_same_bytes_wherever_it_lies(written: Written, tmp_path: Path) -> None:
    first = written.page(tmp_path / "one")
    moved = tmp_path / "elsewhere"
    shutil.copytree(written.shards.parent, moved)
    again = Written(moved / "shards", moved / "e.parquet", moved / "t.parquet")
    assert again.page(tmp_path / "two") == first
    assert str(tmp_path) not in first and str(written.shards) not in first


def test_without_texts_there_is_no_zero_shot_and_the_page_says_so(written: Written, tmp_path: Path) -> None:
    page = Page(written.page(tmp_path, texts=False))
    assert "zero-shot and calibration, as there are no texts" in page.sections["top"]
    assert "There is no calibration" in page.sections["calibration"]
    assert "zero-shot is left out" in page.sections["missing"]
    assert "zero-shot, among" not in page.sections["ranks"]
    assert "By nearest centroid" in page.sections["ranks"]
    assert page.pictures("worst")


def test_a_condition_is_told(written: Written, tmp_path: Path) -> None:
    page = Page(written.page(tmp_path, condition="split = 'val' AND accepted_id < 't09'"))
    assert "split = 'val' AND accepted_id < 't09'" in page.sections["top"]
    assert "12 pictures of 4 taxa were judged" in page.sections["top"]
    assert json.loads((tmp_path / "evaluation.json").read_text())["where"] == "split = 'val' AND accepted_id < 't09'"


def test_pictures_of_a_shard_that_is_gone_are_left_out_and_counted(tmp_path: Path) -> None:
    written = write(tmp_path)
    whole = Page(written.page(tmp_path / "whole"))
    assert "not shown" not in whole.sections["credits"]
    (written.shards / "val-000000.tar").unlink()
    text = written.page(tmp_path / "part")
    page = harmless(text)
    assert re.search(r"[1-9]\d* pictures are not shown, as a shard is not there", page.sections["credits"])
    assert 'aria-label="No picture is left of' in text
    assert text.count("<img ") < (tmp_path / "whole" / "report.html").read_text().count("<img ")
    for path in written.shards.glob("*.tar"):
        path.unlink()
    assert "No picture is shown" in Page(written.page(tmp_path / "none")).sections["credits"]


def test_names_that_would_do_harm_are_shown_as_text(tmp_path: Path) -> None:
    def change(rows: Rows) -> Rows:
        for row in rows:
            for column in ("accepted_name", "order", "family", "vernacular_name", "license_id", "source"):
                row[column] = f"{row[column]}{HARM}"
        return rows

    text = write(tmp_path / "run", change).page(tmp_path / "out")
    page = harmless(text)
    assert "<script>alert(1)</script>" in page.sections["worst"]
    assert "<script" not in text and "<img src=x" not in text


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("shard", "../t.parquet"),
        ("jpg_offset", None),
        ("jpg_length", -1),
        ("jpg_offset", 10**15),
        ("sha256", b"x" * 32),
    ],
)
def test_places_where_no_picture_can_lie_show_none(tmp_path: Path, column: str, value: object) -> None:
    written = write(tmp_path / "run")
    path = written.shards / "manifest.parquet"
    rows = pq.read_table(path)
    kind = rows.schema.field(column).type
    given = pa.array([value.hex() if isinstance(value, bytes) else value] * len(rows), kind)
    pq.write_table(rows.set_column(rows.schema.get_field_index(column), column, given), path)
    page = harmless(written.page(tmp_path / "out"))
    assert "No picture is shown" in page.sections["credits"] and "are not shown" in page.sections["credits"]


def test_a_run_at_an_address_has_a_report(written: Written, tmp_path: Path) -> None:
    store = fsspec.filesystem("memory")
    store.put(str(written.shards), "/reported", recursive=True)
    done = evaluate_run("memory://reported", written.embeddings, written.texts, rules=RULES, condition="split = 'val'")
    write_with_report(tmp_path / "far", "memory://reported", written.embeddings, done)
    far = (tmp_path / "far" / "report.html").read_text()
    assert far == written.page(tmp_path / "near", condition="split = 'val'") and far.count("<img ") > 10
    store.rm("/reported/val-000000.tar")
    write_with_report(tmp_path / "far", "memory://reported", written.embeddings, done)
    assert "are not shown" in (tmp_path / "far" / "report.html").read_text()


@pytest.mark.parametrize("texts", [True, False])
def test_one_taxon_and_taxa_without_ranks_have_a_report(tmp_path: Path, texts: bool) -> None:
    def one(rows: Rows) -> Rows:
        return [row for row in rows if row["accepted_id"] == "t03"]

    page = harmless(write(tmp_path / "one", one).page(tmp_path / "out", texts))
    assert tuple(page.sections) == SECTIONS

    def bare(rows: Rows) -> Rows:
        for row in rows:
            row.update(dict.fromkeys(("kingdom", "phylum", "class", "order", "family")))
        return rows

    page = harmless(write(tmp_path / "bare", bare).page(tmp_path / "bare-out", texts))
    assert "At genus" in page.sections["groups"]


def test_without_a_mistake_there_is_a_report(tmp_path: Path) -> None:
    page = harmless(write(tmp_path / "sure", noise=0.01).page(tmp_path / "out"))
    assert "There is none:" in page.sections["mistakes"]
    assert "always known" in page.sections["worst"]
    assert "No taxon was taken for another" in page.sections["pairs"]
    assert "None: each of" in page.sections["groups"]


def test_a_log_is_drawn_and_one_that_is_not_there_is_refused(written: Written, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    lines = [{"step": step, "loss": 4 - step / 100, "rate": 1e-3, "data_wait": 0.25} for step in range(200)]
    (folder / "log.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines) + '{"step": 200, "los')
    page = Page(written.page(tmp_path / "out", beside=Beside(folder)))
    assert "The loss went from 4 at step 0 to 2.01 at step 199" in page.sections["training"]
    assert "25.0\N{NO-BREAK SPACE}% of a step waited" in page.sections["training"]
    assert "Missing" not in page.sections["top"] or "the training" not in page.sections["top"]
    with pytest.raises(EvaluationError, match="no log of a training run"):
        written.page(tmp_path / "other", beside=Beside(tmp_path))
    assert not (tmp_path / "other").exists()
    (folder / "log.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(EvaluationError, match="no log of a training run"):
        written.page(tmp_path / "other", beside=Beside(folder))


def test_another_evaluation_stands_beside(written: Written, tmp_path: Path) -> None:
    written.page(tmp_path / "other", texts=False)
    page = Page(written.page(tmp_path / "out", beside=Beside(compared=(tmp_path / "other",))))
    assert "By nearest centroid" in page.sections["comparison"] and "in 'other'" in page.sections["comparison"]
    facts = json.loads((tmp_path / "other" / "evaluation.json").read_text())
    (centroid,) = facts["classifications"]
    for rank in centroid["parts"][0]["ranks"]:
        assert f"{100 * rank['accuracy']:.1f}\N{NO-BREAK SPACE}%" in page.sections["comparison"]
    facts["classifications"][0]["parts"][0]["ranks"][0]["accuracy"] = "<b>"
    none = "it is no document of an evaluation"
    for wrong, why in (
        ('{"document": "evaluation", "version": 99}', "it is of version 99"),
        *(("[]", none), ("{}", none), ('{"document": "run"}', none), ("3", none)),
        *(("", "it is no JSON"), ("\\xff", "it is no JSON"), ("[" * 200_000, "it is no JSON")),
        (json.dumps(facts), "its classifications are not those of an evaluation"),
        (json.dumps({**facts, "classifications": [[]]}), "its classifications are not those of an evaluation"),
    ):
        (tmp_path / "other" / "evaluation.json").write_text(wrong)
        with pytest.raises(EvaluationError) as error:
            written.page(tmp_path / "third", beside=Beside(compared=(tmp_path / "other",)))
        assert error.value.what == f"the other evaluation cannot be read: {why}"
        assert error.value.where.endswith("evaluation.json") and "biomill evaluate" in error.value.remedy


def test_the_rank_of_confusion_may_be_asked_for(written: Written, tmp_path: Path) -> None:
    assert "At family" in Page(written.page(tmp_path, beside=Beside(rank="family"))).sections["groups"]


def test_vectors_are_called_by_their_model_or_their_file(tmp_path: Path) -> None:
    assert model_name(tmp_path / "bioclip.parquet") == "bioclip.parquet"
    (tmp_path / "set").mkdir()
    assert model_name(tmp_path / "set") == "set"
    (tmp_path / "set" / "_done.json").write_text('{"model": "tiny at step 3"}')
    assert model_name(tmp_path / "set") == "tiny at step 3"
