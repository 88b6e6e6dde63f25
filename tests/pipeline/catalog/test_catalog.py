"""Every column has its comment, every query of the cookbook an answer, and only `--write` changes the catalog."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from pipeline.catalog import open_catalog
from pipeline.commands.cli import main
from pipeline.model.records import RANK_COLUMNS
from tests.conftest import Demo

COOKBOOK = Path(__file__).parents[3] / "docs" / "catalog.md"
QUERIES = re.findall(r"^```sql\n(.*?)^```$", COOKBOOK.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_no_column_view_or_macro_lacks_a_comment(demo: Demo) -> None:
    with open_catalog(demo.out) as con:
        columns = con.execute("SELECT table_name, column_name, comment FROM duckdb_columns() WHERE NOT internal")
        bare = sorted((view, column) for view, column, comment in columns.fetchall() if not comment)
        assert bare == [], "columns without a `--| view.column: meaning` line in views.sql"
        views = con.execute("SELECT view_name, comment FROM duckdb_views() WHERE NOT internal").fetchall()
        assert [view for view, comment in views if not comment] == []
        macros = con.execute(
            "SELECT function_name, comment FROM duckdb_functions() WHERE NOT internal AND function_type LIKE '%macro'"
        ).fetchall()
    assert {"funnel", "why", "images_per_taxon", "capped", "rare", "lost_by"} == {name for name, _ in macros}
    assert [name for name, comment in macros if not comment] == []


def test_every_query_of_the_cookbook_is_answered(demo: Demo) -> None:
    assert len(QUERIES) > 20
    empty = []
    with open_catalog(demo.out) as con:
        for query in QUERIES:
            if not con.execute(query).fetchall():
                empty.append(query)
    # No occurrence lies in two splits; every other question has an answer in the demo.
    assert all("HAVING count(DISTINCT split) > 1" in query for query in empty), empty


def test_the_macros_agree_with_the_views(demo: Demo) -> None:
    with open_catalog(demo.out) as con:
        rows = con.execute("SELECT count(*) FROM ledger").fetchall()
        assert con.execute("SELECT sum(rows) FROM funnel()").fetchall() == rows
        for rank in RANK_COLUMNS:
            told = con.execute("SELECT sum(images), count(*) FROM images_per_taxon($1)", [rank]).fetchall()
            counted = f'SELECT count("{rank}"), count(DISTINCT ("{rank}", kingdom)) FROM samples WHERE "{rank}" <> \'\''
            assert told == con.execute(counted).fetchall(), rank
        assert con.execute("SELECT max(n) FROM (SELECT count(*) n FROM capped(2) GROUP BY accepted_id)").fetchall() == [
            (2,)
        ]
        for (row_id,) in con.execute("SELECT min(row_id) FROM ledger GROUP BY outcome ORDER BY 1").fetchall():
            assert len(con.execute("FROM why($1)", [row_id]).fetchall()) >= 1


def test_the_releases_and_datasets_count_every_image(demo: Demo) -> None:
    with open_catalog(demo.out) as con:
        kept = con.execute("SELECT count(*) FROM samples").fetchall()
        for view in ("releases", "datasets"):
            assert con.execute(f"SELECT sum(images) FROM {view}").fetchall() == kept
        assert con.execute("SELECT count(*) FROM attribution").fetchall() == kept
        bare = con.execute("SELECT count(*) FROM attribution WHERE credit IS NULL OR source_record_id IS NULL")
        assert bare.fetchall() == [(0,)]


def test_the_catalog_is_changed_only_when_asked(demo: Demo, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = Path(shutil.copytree(demo.out, tmp_path / "copy"))
    make = "CREATE VIEW mine AS SELECT key FROM samples"
    assert main(["sql", str(out), make]) != 0
    assert "--write" in capsys.readouterr().err
    assert main(["sql", str(out), "--write", make]) == 0
    assert main(["sql", str(out), "SELECT count(*) AS n FROM mine"]) == 0
    assert "n" in capsys.readouterr().out
    for reach in (
        "COPY samples TO 'elsewhere.csv'",
        "SELECT * FROM read_text('/etc/hostname')",
        "ATTACH 'elsewhere.db'",
    ):
        assert main(["sql", str(out), "--write", reach]) != 0, reach
    assert not Path("elsewhere.csv").exists()
