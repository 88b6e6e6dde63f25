"""A run that keeps nothing says what lost its rows and what changes it, and does not end as a success."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from manifests import RecipeError, load_recipe
from pipeline.catalog.row_life import explain
from pipeline.commands.cli import main
from pipeline.run.driver import run

HEADER = "url_gcp,image_id,original_label,scientific_name,kingdom,family"
RECIPE = """
name = "cam"
[[sources]]
name = "cam"
kind = "lila"
path = "labels.csv"
license = "CDLA-Permissive-1.0"
[fetch]
contact = "me@example.org"
"""
BARRED = ["--set", 'licences.allow=["CC0", "CC-BY"]']
EMPTY, HINT, ENDED = 4, "  biomill verify", "an empty result is no success"


@dataclass(frozen=True)
class Ended:
    """A finished command: its folder, status, and lines."""

    out: Path
    status: int
    said: str
    progress: str


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("empty")
    rows = [f"https://lila.example.org/{n}.jpg,{n},mouse,zzyzzus mysticus,animalia,felidae" for n in range(5)]
    (folder / "labels.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    (folder / "r.toml").write_text(RECIPE)
    return folder / "r.toml"


def command(capsys: pytest.CaptureFixture[str], recipe: Path, out: Path, *more: str) -> Ended:
    status = main(["run", str(recipe), "-o", str(out), *more])
    said, progress = capsys.readouterr()
    return Ended(out, status, said, progress)


def test_a_whole_run_of_unknown_names_names_the_taxonomy_and_is_no_success(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = recipe.parent / "names"
    ended = command(capsys, recipe, out)
    assert ended.status == EMPTY
    sentence = "the species 'Zzyzzus mysticus' and its genus are not in the taxonomy 'default': it fell to the family"
    for text, start in ((ended.progress, "screen: source cam: "), (ended.said, "source cam: ")):
        (line,) = [line for line in text.splitlines() if line.startswith(start)]
        assert "5 of 5 rows ended as rank_too_high" in line and sentence in line
        assert 'taxonomy.sources is ["default"]' in line
    assert "warning: taxonomy.sources: the default taxonomy" in ended.progress
    assert ended.progress.index("warning: ") < ended.progress.index("ingest: started")
    assert "nothing was kept" in ended.said and ENDED in ended.said
    assert HINT not in ended.said and "verified" not in ended.said

    assert [main(["verify", str(out), *more]) for more in ((), ("--allow-empty",), ("--json",))] == [EMPTY, 0, EMPTY]
    checked = capsys.readouterr().out.splitlines()
    assert "verified" not in checked and any("of no image" in line and "README.md" in line for line in checked)

    ledger = pq.read_table(out / "screen" / "ledger" / "alone.parquet").to_pylist()
    assert len(ledger) == 5
    for row in ledger:
        proof = json.loads(row["evidence"])
        assert proof["missing"] == "name, genus" and proof["reason"].startswith(sentence)
    told = list(explain(out, ledger[0]["row_id"]))
    assert [line for line in told if line.startswith("name fell") and sentence in line]

    card = (out / "README.md").read_text()
    assert "This run kept no image: it is no dataset." in card and "rank\\_too\\_high" in card.replace("_", "\\_")
    assert "## Ranks" not in card and "KEY.jpg" not in card

    again = command(capsys, recipe, out, "--allow-empty")
    assert again.status == 0
    assert "screen: done before" in again.progress and "screen: source cam: 5 of 5 rows" in again.progress
    assert "nothing was kept" in again.said and ENDED not in again.said and HINT not in again.said


def test_a_run_that_leaves_nothing_to_fetch_is_no_success_either(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = recipe.parent / "licences"
    ended = command(capsys, recipe, out, "--until", "screen", *BARRED)
    assert ended.status == EMPTY
    expected = (
        "source cam: 5 of 5 rows ended as licence_not_allowed (CDLA-Permissive-1.0); "
        'licences.allow lists CC0, CC-BY: add "CDLA-Permissive"'
    )
    assert expected in ended.said and f"screen: {expected}" in ended.progress
    assert "nothing is left after screen" in ended.said
    (known,) = [line for line in ended.progress.splitlines() if line.startswith("warning: sources.cam.license")]
    assert 'add "CDLA-Permissive" to licences.allow' in known
    assert command(capsys, recipe, out, "--until", "screen", *BARRED, "--allow-empty").status == 0
    # What is left after an earlier stage is something.
    assert command(capsys, recipe, out, "--until", "ingest", *BARRED).status == 0


def test_a_run_that_would_ask_hosts_without_a_contact_does_not_start(recipe: Path, tmp_path: Path) -> None:
    nobody = load_recipe(recipe, ["fetch.contact="])
    with pytest.raises(RecipeError, match="nobody is named who asks"):
        run(nobody, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    run(nobody, tmp_path / "out", until="ingest")


def test_a_benchmark_that_holds_nothing_out_is_told_before_a_run_and_by_recipe(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "ids.csv").write_text("media_key\n")
    text = recipe.read_text().replace("labels.csv", str(recipe.parent / "labels.csv"))
    path = tmp_path / "r.toml"
    for given in ('path = "images"', 'path = "images"\nids = "ids.csv"'):
        path.write_text(f'{text}\n[[benchmarks]]\nname = "held"\n{given}\n')
        assert main(["recipe", str(path)]) != 0
        assert "benchmark 'held' would hold nothing out" in capsys.readouterr().err
        with pytest.raises(RecipeError, match="would hold nothing out"):
            run(load_recipe(path), tmp_path / "out", until="ingest")
    (tmp_path / "images" / "a.jpg").write_bytes(b"x")
    assert main(["recipe", str(path)]) == 0
    assert "warning: benchmarks.held.ids: it has no ids" in capsys.readouterr().err


def test_recipe_tells_what_is_known_and_still_prints_the_recipe(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = ["fetch.contact=", "select.validation_percent=0", 'fetch.hosts=["other.org"]']
    assert main(["recipe", str(recipe), *BARRED, *(word for each in settings for word in ("--set", each))]) == 0
    said, told = capsys.readouterr()
    assert said.strip() and "warning" not in said
    for line in (
        "warning: sources.cam.license: every row of it will end as licence_not_allowed",
        "warning: taxonomy.sources: the default taxonomy",
        "a run that fetches is refused: fetch.contact: nobody is named who asks, and the images of cam",
        "warning: select.validation_percent: it is 0",
        "warning: fetch.hosts: the first 5 image addresses of source cam lie on lila.example.org (5)",
    ):
        assert line in told
    assert main(["recipe", str(recipe), "--set", 'fetch.hosts=["*.example.org"]']) == 0
    assert "fetch.hosts" not in capsys.readouterr().err
