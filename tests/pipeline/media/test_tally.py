"""How far a fetch is, from its files: whoever looks, whenever, and whatever a kill left, the counts are the same."""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.media.journal import Journal
from pipeline.media.media_schema import PLAN_SCHEMA
from pipeline.media.tally import LOG, STORED, Tally
from pipeline.media.task import Planned
from pipeline.stages.fetch_plan import plan_name, write_units
from pipeline.storage.files.atomic import table_writer, write_json
from pipeline.storage.unit_files import units_name

OUTCOMES = [None, None, "gone", "timeout", "host_down"]


def images(unit: str, number: int) -> list[dict[str, Any]]:
    host = f"host{len(unit) % 2}.org"
    return [{"image_id": f"{unit}-{n}", "media_id": f"{unit}-{n // 2}", "host": host} for n in range(number)]


def write_plan(folder: Path, round_: str, units: dict[str, int], listed: bool = True) -> None:
    """Write a plan, with the table of its units beside it or, as earlier versions did, a row group for each."""
    with table_writer(folder / plan_name(round_), PLAN_SCHEMA) as writer:
        for unit, number in units.items():
            rows = [{**dict.fromkeys(PLAN_SCHEMA.names), **row, "unit": unit} for row in images(unit, number)]
            writer.write_table(pa.Table.from_pylist(rows, PLAN_SCHEMA), row_group_size=1 << 30)
    if listed:
        hosts = {unit: images(unit, 1)[0]["host"] for unit in units}
        planned = [Planned(hosts[unit], "", unit, 0, number) for unit, number in units.items()]
        write_units(folder / units_name(round_), planned)


def answer(folder: Path, unit: str, number: int, order: random.Random, finish: bool) -> Counter[str]:
    """Note answers to all media of a unit but, where it stays in progress, the last one; give images by outcome."""
    journal, counts = Journal(folder, unit), Counter[str]()
    rows = images(unit, number)
    for media in sorted({row["media_id"] for row in rows})[: None if finish else -1]:
        outcome = order.choice(OUTCOMES)
        noted = [row for row in rows if row["media_id"] == media]
        more = {"address": "http://a", "outcome": outcome, "attempts": 0 if outcome == "host_down" else 1}
        journal.note([({**row, **more}, b"" if outcome else b"jpeg") for row in noted])
        counts[outcome or STORED] += len(noted)
    if finish:
        journal.finish()
    return counts


def look(folder: Path, keep: bool = False) -> Tally:
    tally = Tally(folder, keep)
    tally.refresh()
    return tally


@given(st.lists(st.tuples(st.integers(1, 6), st.booleans(), st.booleans()), min_size=1, max_size=6), st.randoms())
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_look_counts_the_same(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, bool, bool]], order: random.Random
) -> None:
    folder = tmp_path_factory.mktemp("fetch")
    units = {"u" * (place + 1): number for place, (number, *_) in enumerate(steps)}
    write_plan(folder, "0-0", units, listed=order.random() < 0.5)
    kept, plain = look(folder, keep=True), look(folder)
    expected = Counter[tuple[str, str]]()
    for unit, (number, finish, looked) in zip(units, steps, strict=True):
        host = images(unit, number)[0]["host"]
        expected.update({(host, key): n for key, n in answer(folder, unit, number, order, finish).items()})
        if looked:
            kept.refresh()
    for tally in (kept, plain):
        tally.refresh()
    damage = [b"", b'["u", 1', b"\n{}\n", b'["u", 1, 2, "h"]\n'][order.randrange(4)]
    (folder / LOG).parent.mkdir(exist_ok=True)
    with (folder / LOG).open("ab") as log:
        log.write(damage)  # as a kill or a full disk leaves it
    for tally in (kept, plain, look(folder), look(folder, keep=True), look(folder)):
        assert +tally.counts() == expected
        assert tally.planned.total() == sum(units.values())
        assert {host: known.untried for host, known in tally.hosts().items()} == {
            host: expected[host, "host_down"] for host in tally.planned
        }


def test_a_unit_that_was_kept_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_plan(tmp_path, "0-0", {"a": 4, "bb": 2})
    first = answer(tmp_path, "a", 4, random.Random(1), finish=True)
    look(tmp_path, keep=True)
    monkeypatch.setattr("pipeline.media.tally._answers", lambda path: pytest.fail(f"{path} was read"))
    tally = look(tmp_path)
    assert {outcome: n for (_, outcome), n in tally.counts().items()} == first


def test_a_unit_that_was_made_again_counts_as_it_is_now(tmp_path: Path) -> None:
    write_plan(tmp_path, "0-0", {"a": 40})
    answer(tmp_path, "a", 40, random.Random(1), finish=True)
    before = look(tmp_path, keep=True).counts()
    (tmp_path / "media" / "a.parquet").unlink()
    assert look(tmp_path).counts() == Counter()
    answer(tmp_path, "a", 40, random.Random(2), finish=True)
    os.utime(tmp_path / "media" / "a.parquet", ns=(1, 1))
    again = look(tmp_path)
    assert again.counts() != before
    assert again.counts() == look(tmp_path, keep=True).counts()
    lines = [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()]
    assert [line[0] for line in lines] == ["a", "a"]
    (tmp_path / "media" / "a.parquet").unlink()
    look(tmp_path, keep=True)
    assert (tmp_path / LOG).read_text() == ""


def test_what_an_earlier_recipe_planned_is_not_waited_for(tmp_path: Path) -> None:
    write_plan(tmp_path, "0-0", {"a": 2})
    write_plan(tmp_path, "3-0", {"old": 50})
    write_json(tmp_path / "_plan.json", {"digest": "d", "outputs": [], "rounds": {"0-0": 1}})
    tally = look(tmp_path)
    assert tally.planned.total() == 2
    write_json(tmp_path / "_plan.json", {"digest": "d", "outputs": [], "rounds": {"0-0": 1, "3-0": 1}})
    tally.refresh()
    assert tally.planned.total() == 52
    write_json(tmp_path / "_plan.json", {"digest": "d", "outputs": []})
    assert look(tmp_path).planned == Counter()


def test_of_a_plan_by_row_groups_those_units_are_waited_for_that_the_mark_names(tmp_path: Path) -> None:
    write_plan(tmp_path, "0-0", {"a": 2}, listed=False)
    write_plan(tmp_path, "3-0", {"old": 50}, listed=False)
    write_json(tmp_path / "_plan.json", {"digest": "d", "outputs": ["media/a.parquet"]})
    assert look(tmp_path).planned.total() == 2
    write_json(tmp_path / "_plan.json", {"digest": "d", "outputs": []})
    assert look(tmp_path).planned == Counter()


def test_an_image_that_came_from_another_address_is_not_failed(tmp_path: Path) -> None:
    write_plan(tmp_path, "0-0", {"a": 2})
    write_plan(tmp_path, "0-1", {"bb": 2})
    for unit, outcome in (("a", "gone"), ("bb", None)):
        journal = Journal(tmp_path, unit)
        rows = [{**row, "address": "http://a", "outcome": outcome, "attempts": 1} for row in images(unit, 2)]
        journal.note([(row, b"") for row in rows])
        assert look(tmp_path).decided() == ((0, 2) if outcome else (2, 0))
        journal.finish()
    assert look(tmp_path).decided() == (2, 0)
