"""Every number that a section states is what SQL says of the run, asked in other words than the section asks."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
import jsonschema
import pytest

from pipeline.cards import make_report
from pipeline.cards.sections import Chart, Section, Table, sections_of
from pipeline.cards.sections.kinds import WORDS, kind_of
from pipeline.cards.sections.section import Asked
from pipeline.catalog import open_catalog
from pipeline.model.outcomes import Outcome
from tests.conftest import Demo

Facts = dict[str, Any]


@pytest.fixture(scope="module")
def con(demo: Demo) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_catalog(demo.out) as opened:
        yield opened


@pytest.fixture(scope="module")
def sections(demo: Demo, con: duckdb.DuckDBPyConnection) -> dict[str, Section]:
    return {section.id: section for section in sections_of(Asked(con, demo.out, demo.recipe))}


@pytest.fixture(scope="module")
def facts(demo: Demo) -> dict[str, Facts]:
    told = json.loads((demo.out / "catalog" / "report.json").read_text())
    sections: dict[str, Facts] = told["sections"]
    return sections


def test_the_written_numbers_are_those_of_the_sections_and_fit_their_schema(
    demo: Demo, sections: dict[str, Section], facts: dict[str, Facts]
) -> None:
    told = json.loads((demo.out / "catalog" / "report.json").read_text())
    schema = json.loads(files("pipeline.cards").joinpath("report.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(told, schema)
    assert list(facts) == list(sections)
    for name, section in sections.items():
        assert facts[name] == {"answer": section.answer, **section.facts}
    del told["sections"]["top"]["kept"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(told, schema)


def test_top_counts_rows_images_taxa_and_their_evenness(
    con: duckdb.DuckDBPyConnection, facts: dict[str, Facts]
) -> None:
    rows, kept = one(con, "SELECT count(*), count(*) FILTER (outcome = 'kept') FROM ledger")
    images = [many for (many,) in con.execute("SELECT images FROM taxa").fetchall()]
    shannon = -sum(many / kept * math.log(many / kept) for many in images)
    top = facts["top"]
    assert (top["rows"], top["kept"], top["taxa"]) == (rows, kept, len(images))
    assert top["effective_taxa"] == round(math.exp(shannon), 1)
    assert top["sources"] == 4 and top["releases"] == one(con, "SELECT count(*) FROM releases")[0]


def test_funnel_has_every_outcome_of_every_source(con: duckdb.DuckDBPyConnection, sections: dict[str, Section]) -> None:
    told = sections["funnel"].facts
    asked = con.execute("SELECT source, stage, outcome, count(*) FROM ledger GROUP BY ALL").fetchall()
    assert {tuple(each.values()) for each in told["sources"]} == set(asked)
    assert sum(each["rows"] for each in told["outcomes"]) == told["rows"] == sum(row[3] for row in asked)
    stairs = chart(sections["funnel"], "stages").table
    for stage, entered, went, *ended in stairs.rows:
        assert entered == went + sum(ended), stage
    assert stairs.rows[-1][2] == told["kept"]
    assert [row[1] for row in stairs.rows[1:]] == [row[2] for row in stairs.rows[:-1]]


def test_tree_has_every_family(con: duckdb.DuckDBPyConnection, facts: dict[str, Facts]) -> None:
    asked = con.execute(
        'SELECT kingdom, "class", family, count(*), count(DISTINCT accepted_id) FROM samples GROUP BY ALL'
    )
    assert {tuple(each.values()) for each in facts["tree"]["families"]} == set(asked.fetchall())


def test_tail_is_the_images_of_every_taxon_kept_and_given(
    con: duckdb.DuckDBPyConnection, facts: dict[str, Facts]
) -> None:
    for key, query in (
        ("kept", "SELECT count(*) AS n FROM samples GROUP BY accepted_id"),
        ("input", "SELECT count(*) FROM records NATURAL JOIN (SELECT name_id, accepted_id FROM names) "
                  "WHERE accepted_id <> '' GROUP BY accepted_id"),
    ):  # fmt: skip
        sizes = sorted((n for (n,) in con.execute(query).fetchall()), reverse=True)
        assert [size for size, many in facts["tail"][key] for _ in range(many)] == sizes
    kept = facts["tail"]["kept"]
    images = sum(size * many for size, many in kept)
    assert facts["tail"]["hill"][2] == round(1 / sum(many * (size / images) ** 2 for size, many in kept), 1)


def test_places_has_every_image_once(con: duckdb.DuckDBPyConnection, facts: dict[str, Facts]) -> None:
    somewhere = "lat IS NOT NULL AND lon IS NOT NULL AND NOT (lat = 0 AND lon = 0)"
    placed, all_ = one(con, f"SELECT count(*) FILTER ({somewhere}), count(*) FROM samples")
    told = facts["places"]
    assert (told["with_coordinates"], told["images"]) == (placed, all_)
    assert sum(each["images"] for each in told["countries"]) == all_
    south, west, north, east = told["bounds"]
    inside = f"lat BETWEEN {south} AND {north} AND lon BETWEEN {west} AND {east}"
    assert one(con, f"SELECT count(*) FROM samples WHERE {somewhere} AND {inside}")[0] == placed


def test_dates_has_every_month(con: duckdb.DuckDBPyConnection, facts: dict[str, Facts]) -> None:
    asked = con.execute(
        "SELECT try_cast(event_date[1:4] AS INT) y, try_cast(event_date[6:7] AS INT) m, count(*) FROM samples "
        "WHERE try_cast(event_date[1:4] AS INT) BETWEEN 1700 AND 2199 GROUP BY ALL"
    ).fetchall()
    assert {tuple(each.values()) for each in facts["dates"]["months"]} == set(asked)
    assert facts["dates"]["with_year"] == sum(row[2] for row in asked)


def test_rights_counts_licences_and_what_they_allow(con: duckdb.DuckDBPyConnection, facts: dict[str, Facts]) -> None:
    may = "SELECT may_share IS TRUE, may_change IS TRUE, may_sell IS TRUE, count(*) FROM samples GROUP BY ALL"
    assert {tuple(each.values()) for each in facts["rights"]["allowed"]} == set(con.execute(may).fetchall())
    by = "SELECT coalesce(license_id, 'unknown'), source, count(*) FROM samples GROUP BY ALL"
    assert {tuple(each.values()) for each in facts["rights"]["licences"]} == set(con.execute(by).fetchall())


def test_weight_names_the_first_creators_hosts_and_data_sets(
    con: duckdb.DuckDBPyConnection, facts: dict[str, Facts]
) -> None:
    told = facts["weight"]
    creators = con.execute(
        "SELECT creator, count(*) FROM samples WHERE creator <> '' GROUP BY 1 ORDER BY 2 DESC, 1"
    ).fetchall()
    assert [tuple(each.values()) for each in told["creators"]["first"]] == creators[:10]
    assert told["creators"]["number"] == len(creators)
    assert told["images_with_creator"] == sum(many for _, many in creators)
    hosts = con.execute(
        "SELECT coalesce(nullif(host, ''), 'local store'), count(*) FROM samples JOIN media USING (image_id) "
        "GROUP BY 1 ORDER BY 2 DESC, 1"
    ).fetchall()
    assert [tuple(each.values()) for each in told["hosts"]["first"]] == hosts[:10]
    assert sum(each["images"] for each in told["datasets"]["first"]) <= told["images"]


def test_names_counts_records_by_match(con: duckdb.DuckDBPyConnection, facts: dict[str, Facts]) -> None:
    asked = con.execute(
        "SELECT match_type, taxonomic_status, count(DISTINCT name_id), count(record_id) "
        "FROM names LEFT JOIN records USING (name_id) GROUP BY ALL"
    ).fetchall()
    assert {tuple(each.values()) for each in facts["names"]["matched"]} == set(asked)
    unresolved = one(
        con, "SELECT count(*) FROM records r WHERE r.name_id IN (SELECT name_id FROM names WHERE accepted_id IS NULL)"
    )
    assert facts["names"]["unresolved_records"] == unresolved[0]


def test_copies_counts_what_went_and_its_distances(con: duckdb.DuckDBPyConnection, facts: dict[str, Facts]) -> None:
    told = facts["copies"]
    dropped, near = one(con, "SELECT count(*), count(*) FILTER (outcome = 'near_duplicate') FROM ledger "
                             "WHERE outcome IN ('near_duplicate', 'exact_duplicate')")  # fmt: skip
    assert (told["dropped"], told["dropped"] - told["exact"]) == (dropped, near)
    assert sum(each["images"] for each in told["near"]) == near
    assert sum(each["images"] for each in told["sources"]) == dropped


def test_leaks_counts_what_was_kept_out(con: duckdb.DuckDBPyConnection, facts: dict[str, Facts]) -> None:
    told = facts["leaks"]
    assert told["kept_out"] == one(con, "SELECT count(*) FROM ledger WHERE starts_with(outcome, 'leak_')")[0]
    by = "SELECT benchmark, rule, count(DISTINCT record_id) FROM leaks GROUP BY ALL"
    assert {tuple(each.values()) for each in told["rules"]} == set(con.execute(by).fetchall())
    assert sum(each["records"] for each in told["unknown"]) == one(con, "SELECT count(*) FROM leak_unknown")[0]
    assert told["benchmarks"][0]["items"] == one(con, "SELECT count(*) FROM benchmarks")[0]


def test_conflicts_counts_records_and_taxa(con: duckdb.DuckDBPyConnection, facts: dict[str, Facts]) -> None:
    told = facts["conflicts"]
    assert told["records"] == one(con, "SELECT count(*) FROM ledger WHERE outcome = 'label_conflict'")[0]
    assert sum(each["records"] for each in told["taxa"]) == told["records"]
    assert all(len(each["taxa"]) > 1 for each in told["taxa"])


def test_pixels_counts_every_image_on_each_axis(con: duckdb.DuckDBPyConnection, facts: dict[str, Facts]) -> None:
    told = facts["pixels"]
    kept = one(con, "SELECT count(*) FROM samples")[0]
    assert all(sum(each["images"] for each in rows) == kept for key, rows in told.items() if key != "answer")
    small = sum(each["images"] for each in told["half_octaves"] if each["log2_pixels"] < 16)
    assert small == one(con, "SELECT count(*) FROM samples WHERE source_width * source_height < 65536")[0]


def test_split_counts_taxa_of_each_part_and_groups_over_both(
    con: duckdb.DuckDBPyConnection, facts: dict[str, Facts]
) -> None:
    told = facts["split"]
    assert told["images"] == dict(con.execute("SELECT split, count(*) FROM samples GROUP BY 1").fetchall())
    spread = "SELECT count(*) FROM (SELECT accepted_id FROM samples GROUP BY 1 HAVING count(DISTINCT split) {})"
    assert told["taxa_everywhere"] == one(con, spread.format("= 2"))[0]
    assert sum(told["taxa_only"].values()) == one(con, spread.format("= 1"))[0]
    assert told["taxa_everywhere"] + sum(told["taxa_only"].values()) == facts["top"]["taxa"]
    assert told["wanted"] == {"train": 95.0, "val": 5.0} and list(told["taxa"]) == ["train", "val"]
    assert told["groups_over_both"] == 0
    assert sum(sum(each["images"].values()) for each in told["classes"]) == facts["top"]["kept"]


def test_hosts_counts_asked_and_arrived(con: duckdb.DuckDBPyConnection, facts: dict[str, Facts]) -> None:
    told = facts["hosts"]
    asked, came = one(con, "SELECT count(*), count(*) FILTER (outcome IS NULL) FROM media")
    assert (told["asked"], told["arrived"]) == (asked, came)
    assert told["hosts"] == len(told["first"]) and sum(each["asked"] for each in told["first"]) == asked


def test_following_counts_what_its_statements_give(
    con: duckdb.DuckDBPyConnection, sections: dict[str, Section]
) -> None:
    (table,) = sections["following"].parts
    assert isinstance(table, Table)
    for what, number, command in table.rows:
        rows = con.execute(command.split('"')[1]).fetchall()
        if "clusters" in what or "farthest" in what:  # they count what several rows are
            assert len(rows) >= number > 0
        else:
            assert len(rows) == number, what


def test_sources_cites_every_release(con: duckdb.DuckDBPyConnection, facts: dict[str, Facts]) -> None:
    asked = con.execute("SELECT source, coalesce(release, ''), records, images FROM releases").fetchall()
    told = facts["sources"]["releases"]
    assert {(each["source"], each["release"], each["records"], each["images"]) for each in told} == set(asked)
    assert all(each["citation"] for each in told)


def test_every_statement_under_a_table_runs(con: duckdb.DuckDBPyConnection, sections: dict[str, Section]) -> None:
    asked = 0
    for section in sections.values():
        for part in section.parts:
            table = part.table if isinstance(part, Chart) else part
            if isinstance(table, Table) and table.sql:
                con.execute(table.sql).fetchone()
                asked += 1
    assert asked >= 10


def test_every_outcome_is_of_one_kind_that_has_words() -> None:
    kinds = {outcome.code: kind_of(outcome.code) for outcome in Outcome}
    assert set(kinds.values()) <= set(WORDS)
    assert [code for code, kind in kinds.items() if kind == "kept"] == ["kept"]
    assert {code for code, kind in kinds.items() if kind == "leak"} == {
        code for code in kinds if code.startswith("leak_")
    }


def test_figures_are_written_as_files_of_their_own(demo: Demo, con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    made = make_report(con, demo.out, demo.recipe, tmp_path / "page.html", tmp_path / "figures")
    drawn = sorted((tmp_path / "figures").iterdir())
    assert len(drawn) == made >= 20
    assert all(path.read_text().startswith("<svg xmlns=") for path in drawn)
    assert (tmp_path / "page.html").read_text() == (demo.out / "report.html").read_text()


def chart(section: Section, figure: str) -> Chart:
    return next(part for part in section.parts if isinstance(part, Chart) and part.figure.name == figure)


def one(con: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    row = con.execute(query).fetchone()
    assert row is not None
    return row
