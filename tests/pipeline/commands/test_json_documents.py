"""`--json`: one document, valid, with the keys and types that docs/json.md lists, and all that people are told."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.catalog import open_catalog
from pipeline.catalog.row_life import explain
from pipeline.commands.cli import main
from pipeline.commands.options.json_document import json_document, plain
from tests.conftest import Demo

PAGE = (Path(__file__).parents[3] / "docs" / "json.md").read_text(encoding="utf-8")
TYPES = {"string": str, "boolean": bool, "object": dict, "array": list, "null": type(None), "integer": int}
FIXED = {
    "byte",
    "row",
    "Hamming",
    "distance",
    "speaks",
    "medium",
    "stage",
    "arrived",
    "never",
    "asked",
    "for",
    "the",
    "and",
    "more",
}
"""Words of the lines of `explain` that are its own."""


def documented(name: str) -> dict[str, str]:
    section = PAGE.partition(f"## `biomill {name} --json`")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `([^`]+)` \| ([^|]+?) \|", section, re.MULTILINE))


def is_of(value: Any, kinds: str) -> bool:
    if kinds == "value":
        return True
    for kind in kinds.split(" or "):
        if kind == "number" and isinstance(value, int | float) and not isinstance(value, bool):
            return True
        if kind != "number" and isinstance(value, TYPES[kind]) and (kind != "integer" or not isinstance(value, bool)):
            return True
    return False


def differences(value: Any, path: str, known: dict[str, str]) -> Iterator[str]:
    """Name what a document has at a place that the page does not say of it, and the other way round."""
    if path and path not in known:
        yield f"{path} is not documented"
        return
    kinds = known.get(path, "object")
    if not is_of(value, kinds):
        yield f"{path} is {value!r}, not {kinds}"
    if kinds == "value":
        return
    if isinstance(value, list):
        for each in value:
            yield from differences(each, f"{path}[]", known)
    if isinstance(value, dict):
        if f"{path}{{}}" in known:
            for each in value.values():
                yield from differences(each, f"{path}{{}}", known)
            return
        inside = path and f"{path}."
        keys = {key for key in known if key.startswith(inside) and re.fullmatch(r"\w+", key[len(inside) :])}
        yield from (f"{key} is missing" for key in sorted(keys - {f"{inside}{key}" for key in value}))
        for key, each in value.items():
            yield from differences(each, f"{inside}{key}", known)


def document(capsys: pytest.CaptureFixture[str], name: str, *arguments: str, status: int = 0) -> dict[str, Any]:
    """Run a command; give its document, which is as the page says."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    capsys.readouterr()
    assert main([name, *arguments, "--json"]) == status
    told = capsys.readouterr()
    assert told.out.isascii()
    found: dict[str, Any] = json.loads(told.out, parse_constant=refuse)
    assert list(found)[:2] == ["document", "version"]
    assert (found.pop("document"), found.pop("version")) == (name, 1)
    assert list(differences(found, "", documented(name))) == []
    return found


def test_status(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    found = document(capsys, "status", str(demo.out))
    assert main(["status", str(demo.out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    for each in found["stages"]:
        line = next(line for line in lines if line.startswith(each["stage"]))
        assert [each["rows_in"], each["rows_out"], each["ended"]] == [
            int(w.replace(",", "")) for w in line.split()[-3:]
        ]
    hosts = {each["host"]: each for each in found["fetch"]["hosts"]}
    table = lines[next(n for n, line in enumerate(lines) if line.startswith("host ")) + 1 :]
    assert {line.split()[0] for line in table} == set(hosts)
    for line in table:
        host = hosts[line.split()[0]]
        assert line.split()[1:5] == [str(host[key]) for key in ("planned", "stored", "failed", "waiting")]
    assert found["run"]["state"] == "done"
    assert found["kept"] == found["stages"][-1]["rows_out"]


def test_explain_says_all_that_its_lines_say(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = ("malformed_row", "same_medium", "gone", "near_duplicate", "leak_hamming", "kept")
    with open_catalog(demo.out) as con:
        rows = dict(con.execute("SELECT outcome, min(row_id) FROM ledger GROUP BY 1").fetchall())
    for outcome in wanted:
        found = document(capsys, "explain", str(demo.out), rows[outcome])
        assert found["row_id"] == rows[outcome]
        assert found["outcome"]["outcome"] == outcome
        assert (found["record"] is None) == (outcome == "malformed_row")
        assert (found["sample"] is None) == (outcome != "kept")
        said = json.dumps(found, ensure_ascii=False)
        for line in explain(demo.out, rows[outcome]):
            title, rest = line[:10].strip(), line[11:]
            if title == "raw":
                assert found["outcome"]["raw"]
                continue
            words = {word.strip(".") for word in re.findall(r"[\w./-]+", rest)} - FIXED
            assert [word for word in words if len(word) > 2 and word not in said] == [], line


def test_explain_does_not_shorten(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    with open_catalog(demo.out) as con:
        query = "SELECT first(record_id), count(*) FROM clusters GROUP BY cluster_id ORDER BY 2 DESC, 1 LIMIT 1"
        record, size = con.execute(query).fetchall()[0]
    found = document(capsys, "explain", str(demo.out), record)
    assert len(found["alike"]) == size - 1 >= 1
    assert all(isinstance(each["evidence"], dict) for each in found["alike"] if each["outcome"] != "kept")


def test_verify_with_findings_prints_its_document_and_exits_1(
    demo: Demo, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    shutil.copytree(demo.out, out, copy_function=os.link)
    (out / "shards" / "stray-\x1b[2J.tar").write_bytes(b"")
    found = document(capsys, "verify", str(out), status=1)
    failed = [each for each in found["checks"] if not each["ok"]]
    assert (found["ok"], found["findings"]) == (False, len(failed))
    assert "stray-\x1b[2J.tar" in "".join(each["detail"] for each in failed)
    assert all(each.keys() == {"name", "ok", "detail"} for each in found["checks"])


def test_recipe(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    found = document(capsys, "recipe", str(demo.corpus.recipe), "--set", "seed=5")
    assert found["recipe"]["seed"] == 5
    assert [each["name"] for each in found["recipe"]["sources"]] == [each.name for each in demo.recipe.sources]
    assert main(["recipe", str(demo.corpus.recipe), "--set", "seed=5"]) == 0
    assert found["digest"] in capsys.readouterr().out


def test_plan(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    found = document(capsys, "plan", str(demo.corpus.recipe))
    assert found["candidates"] == sum(each["candidates"] for each in found["sources"])
    assert {each["source"] for each in found["volumes"]} == {each.name for each in demo.recipe.sources}
    assert (found["sample"], found["heads"]) == (None, None)


def test_inspect_gives_what_a_recipe_would_say(demo: Demo, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    sources = []
    for spec in demo.recipe.sources:
        found = document(capsys, "inspect", str(spec.path))
        assert (found["source"]["kind"], Path(found["source"]["path"])) == (spec.kind, Path(spec.path).absolute())
        sources.append(found["source"])
    tables = ("\n".join(f"{key} = {json.dumps(value)}" for key, value in source.items()) for source in sources)
    text = 'name = "a"\n' + "".join(f"[[sources]]\n{table}\n" for table in tables)
    (tmp_path / "a.toml").write_text(text)
    assert len(document(capsys, "recipe", str(tmp_path / "a.toml"))["recipe"]["sources"]) == len(sources)


def test_plan_gbif(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    columns = ["gbifID", "datasetKey", "basisOfRecord", "license", "mediaType", "kingdom", "occurrenceStatus"]
    rows = [[str(n), "d", "HUMAN_OBSERVATION", "CC0_1_0", "StillImage", "Animalia", "PRESENT"] for n in range(3)]
    (tmp_path / "a.csv").write_text("".join("\t".join(row) + "\n" for row in [columns, *rows]))
    found = document(capsys, "plan-gbif", str(tmp_path / "a.csv"))
    assert (found["rows"], found["wanted"], found["commands"], found["out"]) == (3, 3, [], None)
    found = document(capsys, "plan-gbif", str(tmp_path / "a.csv"), "-o", str(tmp_path / "plan"))
    assert [(tmp_path / "plan" / name).is_file() for name in found["predicates"]] == [True]
    assert len(found["commands"]) == 1


def test_errors_go_to_standard_error_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (("status",), ("verify",), ("explain", "x"), ("inspect",), ("recipe",), ("plan",), ("plan-gbif",)):
        assert main([words[0], str(tmp_path / "none"), *words[1:], "--json"]) != 0
        told = capsys.readouterr()
        assert told.out == ""
        assert told.err.startswith("biomill: ")


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text() | st.binary(), st.lists, max_leaves=4))
@settings(max_examples=40)
def test_any_value_makes_valid_json(value: Any) -> None:
    text = json_document("any", 1, {"value": value})
    assert text.isascii()
    assert json.loads(text, parse_constant=lambda word: pytest.fail(word))["value"] == plain(value)


@pytest.mark.whole
def test_feed_tells_what_it_measured(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    found = document(capsys, "feed", str(demo.out), "--bench", "--gpus", "2", "--size", "48")
    assert found["supply"] == min(
        found["reading"]["images_per_s"], max(each["images_per_s"] for each in found["parallel"])
    )
    for each in found["models"]:
        assert each["wanted"] == pytest.approx(2 * each["images_per_s"])


@pytest.mark.whole
@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["--json"], 2, "--json does nothing without --bench"),
        (["--gpus", "2"], 2, "--gpus does nothing without --bench"),
        (["--bench", "--size", "4000"], 1, "larger than what is stored"),
        (["--bench", "--decoder", "turbo"], 2, "decoder is 'turbo'"),
        (["--bench", "--split", "test"], 1, "there is no split 'test'"),
    ],
)
def test_feed_refuses_what_it_cannot_measure(demo: Demo, words: list[str], status: int, message: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "biomill", "feed", str(demo.out), *words], capture_output=True, text=True
    )
    assert (done.returncode, message in done.stderr) == (status, True), done.stderr
