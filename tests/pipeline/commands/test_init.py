"""`biomill init` writes a recipe for the files at hand that loads, runs, and says what it cannot know."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from manifests import load_recipe, starter_recipe
from pipeline.commands.cli import main
from pipeline.inspection import kind_of
from tests.conftest import Demo

SOURCES = Path(__file__).parents[3] / "../shared/data/sources"


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = main(list(words))
    out, err = capsys.readouterr()
    return status, out, err


def test_every_release_of_the_demo_is_recognised_and_the_recipe_runs(
    demo: Demo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    releases = {source.kind: Path(source.path) for source in demo.recipe.sources}
    beside = {
        Path(value) for s in demo.recipe.sources for value in (s.hierarchy, s.media) if value and "://" not in value
    }
    benchmark = next(Path(each.path) for each in demo.recipe.benchmarks if Path(each.path).is_dir())
    out = tmp_path / "mine.toml"
    words = ["init", *map(str, (*releases.values(), *beside)), "-o", str(out), "--contact", "a@example.org"]
    status, told, _ = said(capsys, *words, "--benchmark", str(benchmark))
    assert status == 0 and f"biomill run {out} -o out/mine" in told
    recipe = load_recipe(out, files=True)
    assert {source.kind: Path(source.path) for source in recipe.sources} == releases
    assert (recipe.name, recipe.fetch.contact, recipe.shards.prefix) == ("mine", "a@example.org", "mine")
    assert [Path(each.path) for each in recipe.benchmarks] == [benchmark.resolve()]
    for source, ours in zip(demo.recipe.sources, recipe.sources, strict=True):
        assert (ours.hierarchy, ours.media) == (source.hierarchy, source.media), source.kind
    assert (
        main(["run", str(out), "-o", str(tmp_path / "run"), "--until", "screen", "--set", "limits.reject_percent=5"])
        == 0
    )
    capsys.readouterr()


def test_all_but_the_sources_is_the_starter_recipe(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    path = next(source.path for source in demo.recipe.sources if source.kind == "gbif-dwca")
    status, told, _ = said(capsys, "init", path, "--name", "starter", "--contact", "you@example.org")
    assert status == 0
    assert told.partition("names and rights\n")[2] == starter_recipe().partition("names and rights\n")[2]
    assert "# [[benchmarks]]" in told


@pytest.mark.skipif(not SOURCES.exists(), reason="the real release files are not present beside the repository")
@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("gbif/dwca/0022697-200613084148143.zip", "gbif-dwca"),
        ("gbif/api/occurrence_records.jsonl.gz", "gbif-pages"),
        ("fathomnet/fgvc2025_dataset_test.json", "fathomnet"),
        ("inat/biotrove_chunk_0_1000_1.parquet", "biotrove"),
        ("cameratraps/lila", "lila"),
        ("cameratraps/lila/ENA24-balanced.csv.gz", "lila"),
        ("cameratraps/camtrap-dp", "camtrap-dp"),
        ("idigbio", "dwca"),
    ],
)
def test_real_releases_are_recognised(path: str, kind: str) -> None:
    assert kind_of(SOURCES / path) == kind


def test_tables_of_every_other_provider_are_recognised(tmp_path: Path) -> None:
    coco = {"images": [{"id": "a", "file_name": "a.jpg", "seq_id": "s"}], "annotations": [], "categories": []}
    (tmp_path / "traps.json").write_text(json.dumps(coco))
    (tmp_path / "page-000000.json").write_text(json.dumps({"offset": 0, "endOfRecords": True, "results": []}))
    inat = tmp_path / "inat"
    inat.mkdir()
    for name, columns in {
        "observations": "observation_uuid observer_id latitude longitude taxon_id quality_grade observed_on",
        "observers": "observer_id login name",
        "photos": "photo_uuid photo_id observation_uuid observer_id extension license width height position",
        "taxa": "taxon_id ancestry rank_level rank name active",
    }.items():
        (inat / f"{name}.csv").write_text("\t".join(columns.split()) + "\n")
    assert kind_of(tmp_path / "traps.json") == "coco-camera-traps"
    assert kind_of(tmp_path / "page-000000.json") == "gbif-pages"
    assert kind_of(inat) == "inat-open-data"


def test_what_the_files_do_not_say_stands_in_the_recipe_to_be_filled_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "media_manifest_1.csv").write_text("EOL content ID,EOL page ID,EOL Full-Size Copy URL,License Name\n")
    (tmp_path / "bioscan.csv").write_text("processid,split,chunk,species\n")
    out = tmp_path / "r.toml"
    status, _, err = said(
        capsys, "init", str(tmp_path / "media_manifest_1.csv"), str(tmp_path / "bioscan.csv"), "-o", str(out)
    )
    text = out.read_text()
    assert status == 0
    assert '# hierarchy = ""' in text and '# media = ""' in text and 'path = "bioscan.csv"' in text
    assert "hierarchy" in err and "media" in err and "contact" in err


@pytest.mark.parametrize(
    ("make", "words", "message"),
    [
        ({}, ["absent.zip"], "there is no such file"),
        ({"a.csv": "just,a,table\n1,2,3\n"}, ["a.csv"], "this is no release that can be recognised"),
        ({"a.csv": "processid,split\n"}, ["a.csv", "a.csv"], "a file is named twice"),
        ({"a.csv": "processid,split\n"}, ["a.csv", "-o", "a.csv"], "there is a file already"),
        ({"a.csv": "processid,split\n"}, ["a.csv", "--contact", "a\nb"], "contact"),
        ({"a.csv": "processid,split\n"}, ["a.csv", "--name", "a/b"], "name"),
        ({"a\x7f.csv": "processid,split\n"}, ["a\x7f.csv"], "no recipe can name this"),
        ({"p/a.jpg": "x"}, ["p"], "it cannot be told which source"),
        ({"a.csv": "processid,split\n"}, ["a.csv", "--benchmark", "absent"], "there is no such file"),
    ],
)
def test_what_cannot_be_told_is_said_and_nothing_is_written(
    make: dict[str, str], words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in make.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    before = sorted(tmp_path.rglob("*"))
    located = [
        str(tmp_path / word) if word in make or word in ("absent.zip", "absent", "p") else word for word in words
    ]
    if "-o" not in words:
        located += ["-o", str(tmp_path / "r.toml")]
    status, _, err = said(capsys, "init", *located)
    assert status != 0 and message in err
    assert sorted(tmp_path.rglob("*")) == before


def test_names_of_files_that_are_not_fit_for_toml_are_quoted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / 'odd "quoted" \\ é.csv'
    path.write_text("processid,split\n")
    twin = tmp_path / "b" / path.name
    twin.parent.mkdir()
    twin.write_text("processid,split\n")
    out = tmp_path / "r.toml"
    assert said(capsys, "init", str(path), str(twin), "-o", str(out), "--name", "odd")[0] == 0
    recipe = load_recipe(out)
    assert [Path(source.path) for source in recipe.sources] == [path, twin]
    assert len({source.name for source in recipe.sources}) == 2
