"""Every number of a plan is that of the run which follows, counted here from the run's own tables."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests import FetchRules, HostRules, ImageRules, Recipe, ScoresSpec, load_recipe
from pipeline.planning import Asked, Plan, make_plan
from pipeline.planning.host_requests import fetching
from pipeline.planning.long_tail import taxa_plan
from pipeline.planning.picture_bytes import stored_bytes_a_pixel
from pipeline.planning.volume import volumes
from pipeline.run.driver import run
from tests.conftest import Demo


@pytest.fixture(scope="module")
def plan(demo: Demo) -> Plan:
    return make_plan(demo.recipe, None, Asked(), lambda line: None)


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return [row for path in sorted(folder.glob("*.parquet")) for row in pq.ParquetFile(path).read().to_pylist()]


def rows(demo: Demo, table: str) -> list[dict[str, Any]]:
    return rows_of(demo.out / table)


def test_rows_end_as_the_ledger_of_the_run_says(demo: Demo, plan: Plan) -> None:
    told = {(each.source, way.stage, way.outcome): way.rows for each in plan.sources for way in each.ended}
    true = Counter(
        (row["source"], stage, row["outcome"])
        for stage in ("ingest", "screen")
        for row in rows(demo, f"{stage}/ledger")
    )
    assert told == dict(true)
    left = Counter(row["source"] for row in rows(demo, "screen/candidates"))
    assert {each.source: each.candidates for each in plan.sources} == dict(left)
    assert plan.candidates == sum(left.values())
    for each in plan.sources:
        assert each.rows == each.candidates + sum(way.rows for way in each.ended)
        assert each.loss is not None
        assert each.loss.startswith(f"source {each.source}: ")


def test_every_host_is_asked_as_often_as_the_run_plans_to(demo: Demo, plan: Plan) -> None:
    planned = pq.ParquetFile(demo.out / "fetch" / "plan-0-0.parquet").read().to_pylist()
    hosts = Counter(host for host, _ in {(row["host"], row["media_id"]) for row in planned if not row["store"]})
    stores = Counter(store for store, _ in {(row["store"], row["media_id"]) for row in planned if row["store"]})
    assert {each.host: each.requests for each in plan.fetching.hosts} == dict(hosts)
    assert {each.source: each.media for each in plan.fetching.stores} == dict(stores)
    assert plan.fetching.requests == sum(hosts.values())


def test_taxa_and_licences_are_those_of_the_candidates(demo: Demo, plan: Plan) -> None:
    names = {row["name_id"]: row for row in rows(demo, "resolve/names")}
    candidates = rows(demo, "screen/candidates")
    taxa = Counter(names[row["name_id"]]["accepted_id"] for row in candidates)
    assert plan.taxa.taxa == len(taxa)
    assert plan.taxa.single == sum(number == 1 for number in taxa.values())
    assert [each.images for each in plan.taxa.top] == [number for _, number in taxa.most_common(10)]
    ranks = Counter(names[row["name_id"]]["accepted_rank"] for row in candidates)
    assert {each.rank: each.images for each in plan.taxa.ranks} == dict(ranks)
    families = Counter(row["license_family"] for row in candidates)
    counted: Counter[str] = Counter()
    for each in plan.licences:
        counted[each.family] += each.images
        assert each.may_sell is ("NC" not in each.family)
        assert each.may_share is ("ND" not in each.family)
    assert counted == families


def test_open_names_and_benchmarks_are_counted(demo: Demo, plan: Plan) -> None:
    ledger = rows(demo, "screen/ledger")
    for each in plan.names:
        values = Counter(json.loads(row["evidence"])["value"] or "" for row in ledger if row["outcome"] == each.outcome)
        assert {name.name: name.rows for name in each.top} == dict(values)
        assert (each.names, each.rows) == (len(values), sum(values.values()))
    (benchmark,) = plan.benchmarks
    assert benchmark.items == len(rows(demo, "holdout/items"))
    assert benchmark.rows == sum(row["outcome"] in ("leak_id", "leak_species") for row in ledger)


def test_what_is_kept_lies_within_the_certain_interval(demo: Demo, plan: Plan) -> None:
    assert plan.kept.low == 0
    assert plan.kept.high == plan.candidates >= len(rows(demo, "select/decisions"))


@pytest.mark.whole
def test_shipped_rules_that_need_no_picture_are_counted_and_those_nobody_measured_are_named(
    demo: Demo, tmp_path: Path
) -> None:
    urls = sorted({str(row["media_url"]) for row in rows(demo, "ingest/records") if row["media_url"]})
    seen = "".join(f"{url},{0.9 if place % 2 else 0.1}\n" for place, url in enumerate(urls))
    (tmp_path / "detected.csv").write_text("media_url,person\n" + seen)
    recipe = dataclasses.replace(
        demo.recipe,
        select=dataclasses.replace(demo.recipe.select, rules=("no-labels", "no-people-detected")),
        scores=(ScoresSpec("detector", str(tmp_path / "detected.csv"), "media_url"),),
    )
    plan = make_plan(recipe, tmp_path / "run", Asked(), lambda line: None)
    told = {each.source: {key.key: key.rows for key in each.not_selected} for each in plan.sources}
    people = {url for place, url in enumerate(urls) if place % 2}
    ended = rows_of(tmp_path / "run" / "screen" / "ledger")
    unchosen = {row["row_id"] for row in ended if row["outcome"] == "not_selected"}
    of_people = {row["record_id"] for row in rows(demo, "ingest/records") if row["media_url"] in people}
    assert unchosen and unchosen <= of_people
    assert not of_people & {row["record_id"] for row in rows_of(tmp_path / "run" / "screen" / "candidates")}
    assert sum(count for keys in told.values() for count in keys.values()) == len(unchosen)
    assert {key for keys in told.values() for key in keys} == {"select.rules: no-people-detected"}
    assert "how often no-people-detected is wrong is not known" in str(plan) and "no-labels is wrong" not in str(plan)


@pytest.mark.whole
def test_images_that_stand_by_are_told_apart(demo: Demo, tmp_path: Path) -> None:
    fetch = dataclasses.replace(demo.recipe.fetch, images_per_taxon=3)
    recipe = dataclasses.replace(demo.recipe, fetch=fetch)
    plan = make_plan(recipe, tmp_path / "run", Asked(), lambda line: None)
    run(recipe, tmp_path / "run", until="fetch", progress=lambda line: None)
    first = pq.ParquetFile(tmp_path / "run" / "fetch" / "plan-0-0.parquet").read().to_pylist()
    hosts = Counter(host for host, _ in {(row["host"], row["media_id"]) for row in first if not row["store"]})
    assert {each.host: each.requests for each in plan.fetching.hosts} == dict(hosts)
    assert plan.fetching.media == len({row["media_id"] for row in first})
    assert plan.fetching.not_asked_first > 0
    assert plan.kept.high < plan.candidates


def planned(taxa: list[int]) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("CREATE TABLE planned (accepted_id VARCHAR, accepted_name VARCHAR, accepted_rank VARCHAR)")
    for number, images in enumerate(taxa):
        con.execute(f"INSERT INTO planned SELECT 't{number}', 'T{number}', 'species' FROM range({images})")
    return con


@given(st.lists(st.integers(1, 120), max_size=25), st.integers(0, 130))
@settings(max_examples=25)
def test_floors_caps_and_the_long_tail_are_what_their_words_say(taxa: list[int], cap: int) -> None:
    recipe = Recipe("r", ())
    recipe = dataclasses.replace(recipe, select=dataclasses.replace(recipe.select, cap_per_taxon=cap))
    with planned(taxa) as con:
        told = taxa_plan(con, recipe)
    for floor in told.floors:
        left = [number for number in taxa if number >= floor.images_per_taxon]
        assert (floor.taxa, floor.images) == (len(left), sum(left))
    assert {each.images_per_taxon for each in told.caps} == {10, 100, 1000} | ({cap} if cap else set())
    for each in told.caps:
        assert each.images == sum(min(number, each.images_per_taxon) for number in taxa)
    for below in told.below:
        assert below.taxa == sum(number < below.images for number in taxa)
    most = sorted(taxa, reverse=True)[: told.top_percent_taxa]
    assert told.top_percent_share == pytest.approx(sum(most) / sum(taxa) if taxa else 0.0, abs=1e-6)


def test_the_recipes_own_limits_give_the_hours_and_the_slowest_host() -> None:
    rules = FetchRules(host=(HostRules("slow.org", rate=0.5, connections=1),))
    with duckdb.connect() as con:
        con.execute(
            "CREATE TABLE planned_media AS SELECT 'm' || i AS media_id, '' AS store, "
            "if(i < 90, 'fast.org', 'slow.org') AS host, i = 0 AS mirrored, true AS first, 1 AS width, 1 AS height "
            "FROM range(100) t(i)"
        )
        told = fetching(con, rules, 4)
    assert [(each.host, each.requests, each.rate, each.connections, each.seconds) for each in told.hosts] == [
        ("slow.org", 10, 0.5, 1, 20.0),
        ("fast.org", 89, 10.0, 8, 8.9),
    ]
    assert (told.slowest, told.seconds, told.hosts[1].mirrored) == ("slow.org", 20.0, 1)


@pytest.mark.parametrize("rule", ["shortest", "longest"])
def test_stored_pixels_are_those_that_the_image_rules_leave(rule: str) -> None:
    rules = ImageRules(side=100, rule=rule)
    sizes = [(400, 200), (200, 400), (90, 60), (100, 100), (1000, 50)]
    reduced = same = 0.0
    for width, height in sizes:
        bound = min(width, height) if rule == "shortest" else max(width, height)
        share = min(1.0, 100 / bound)
        reduced, same = (reduced + width * height * share**2, same) if share < 1 else (reduced, same + width * height)
    with duckdb.connect() as con:
        con.execute(
            "CREATE TABLE planned "
            "(source VARCHAR, first BOOLEAN, width BIGINT, height BIGINT, box_w DOUBLE, box_h DOUBLE)"
        )
        con.executemany("INSERT INTO planned VALUES ('a', true, ?, ?, NULL, NULL)", sizes)
        con.execute("CREATE TABLE planned_media AS SELECT source, first, width, height FROM planned")
        (told,) = volumes(con, rules, {})
    assert told.stored.value == round(reduced * stored_bytes_a_pixel(rules) + same * 0.27)
    assert (told.media, told.declared, told.images, told.basis) == (5, 5, 5, "declared sizes")
    assert told.stored.low < told.stored.value < told.stored.high


@given(st.integers(1, 5000), st.integers(1, 100), st.integers(1, 100))
def test_a_better_quality_never_takes_fewer_bytes_and_a_larger_side_never_more_a_pixel(
    side: int, one: int, two: int
) -> None:
    low, high = sorted((one, two))
    assert stored_bytes_a_pixel(ImageRules(side=side, quality=low)) <= stored_bytes_a_pixel(
        ImageRules(side=side, quality=high)
    )
    assert stored_bytes_a_pixel(ImageRules(side=side)) >= stored_bytes_a_pixel(ImageRules(side=side + 1))


def test_a_plan_prints_every_part_within_the_width(demo: Demo, plan: Plan) -> None:
    lines = list(plan.lines(80))
    assert max(map(len, lines)) <= 80
    text = str(plan)
    for part in ("kept", "fetching", "bytes  ", "licence", "taxa", "long tail", "benchmark", "unresolved"):
        assert part in text
    assert f"{plan.candidates:,} of " in text


def test_a_class_that_is_a_synonym_and_two_that_are_one_taxon_are_named(corpus: Any, tmp_path: Path) -> None:
    (tmp_path / "ids.csv").write_text(
        "taxon,media_key\nFelis concolor,\nPuma concolor,\nLynx lynx,\nNo such,\n,inat:5\n"
    )
    (tmp_path / "held.toml").write_text('name = "held"\nmedia_keys = ["inat:6"]\n')
    recipe = load_recipe(corpus.recipe)
    held = dataclasses.replace(
        recipe.benchmarks[0], name="held", path=str(tmp_path / "held.toml"), ids=str(tmp_path / "ids.csv")
    )
    plan = make_plan(dataclasses.replace(recipe, benchmarks=(held,)), None, Asked(), lambda line: None)
    (told,) = plan.benchmarks
    assert (told.items, told.keys, told.classes, told.unresolved) == (0, 6, 4, 1)
    assert [(each.taxon, each.accepted) for each in told.synonyms] == [("Felis concolor", "Puma concolor")]
    assert [(each.accepted, each.classes) for each in told.same_taxon] == [
        ("Puma concolor", ("Felis concolor", "Puma concolor"))
    ]
    assert "1 class is the synonym of another taxon: Felis concolor is Puma concolor" in str(plan)
