"""A condition on records is one expression of known parts over known columns; everything else is refused at load."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests import RecipeError, load_recipe
from manifests.condition import read_condition
from manifests.condition_columns import MEDIA_COLUMNS, NAME_COLUMNS, RECORD_COLUMNS, SAME_IN_BOTH
from manifests.condition_parts import WORDS
from pipeline.media.media_schema import MEDIA_SCHEMA
from pipeline.model.records import LOCATOR_COLUMNS, RECORD_SCHEMA
from taxonomy import RESOLVED_SCHEMA

BASE = 'name = "r"\n[[sources]]\nname = "s"\nkind = "lila"\npath = "x.csv"\n'
HOSTILE = [
    # more than one expression
    "lat > 1; DROP TABLE records",
    "lat > 1; SELECT 1",
    ";",
    "lat > 1) OR (1 = 1",
    "lat > 1 UNION SELECT 1",
    "lat > 1 UNION ALL SELECT lat FROM records",
    "lat > 1 EXCEPT SELECT 1",
    "lat > 1 GROUP BY lat",
    "lat > 1 HAVING true",
    "lat > 1 QUALIFY row_number() OVER () = 1",
    "lat > 1 ORDER BY random()",
    "lat > 1 LIMIT 1",
    "lat > 1 USING SAMPLE 10%",
    "lat > 1 WINDOW w AS (PARTITION BY lat)",
    "lat > 1 -- ) AND false",
    "lat > 1 /* hidden */",
    "/* */ lat > 1",
    "lat > 1 AS chosen",
    "lat > 1, lon > 1",
    # queries within it
    "EXISTS (SELECT 1)",
    "lat IN (SELECT 1)",
    "lat = (SELECT max(lat) FROM records)",
    "lat > ALL (SELECT 1)",
    "sex = ANY (records.issues)",
    "EXISTS (FROM read_csv('/etc/passwd'))",
    "sex IN (SELECT content FROM read_text('/etc/passwd'))",
    "EXISTS (SELECT * FROM glob('/*'))",
    "EXISTS (VALUES (1))",
    "(WITH a AS (SELECT 1) SELECT true FROM a)",
    "ARRAY(SELECT 1) IS NULL",
    # what reaches out of the row, or is not the same twice
    "read_text('/etc/passwd') IS NULL",
    "read_parquet('x') IS NULL",
    "getenv('HOME') = sex",
    "current_setting('home_directory') = sex",
    "random() < 0.5 AND lat > 1",
    "setseed(0.5) IS NULL AND lat > 1",
    "uuid()::VARCHAR < record_id",
    "gen_random_uuid()::VARCHAR < record_id",
    "now() > TRY_CAST(event_date AS TIMESTAMP)",
    "today() > TRY_CAST(event_date AS DATE)",
    "TRY_CAST(event_date AS DATE) < current_date",
    "TRY_CAST(event_date AS TIMESTAMP) < CURRENT_TIMESTAMP",
    "nextval('s') > lat",
    "txid_current() > lat",
    "current_user = sex",
    "current_schema() = sex",
    "version() = sex",
    "hash(record_id) % 2 = 0",
    "error('stop') IS NULL AND lat > 1",
    "query('SELECT 1') IS NULL",
    "getvariable('x') = sex",
    "system.main.lower(sex) = 'x'",
    "main.lower(sex) = 'x'",
    "pg_catalog.pg_sleep(10) IS NULL",
    "PRAGMA database_list",
    "ATTACH 'x.db'",
    "COPY records TO 'x'",
    "INSTALL httpfs",
    "SET memory_limit = '1TB'",
    # what fills the memory
    "length(repeat(sex, 1000000000)) > 1",
    "length(lpad(sex, 1000000000, 'x')) > 1",
    "length(rpad(sex, 1000000000, 'x')) > 1",
    "len(range(1000000000)) > lat",
    "len(generate_series(1, 1000000000)) > lat",
    "length(replace(replace(sex, '', 'aaaaaaaaaa'), 'a', 'aaaaaaaaaa')) > 1",
    "length(regexp_replace(sex, '.', 'aaaaaaaaaa', 'g')) > 1",
    "length(format('{:1000000000}', sex)) > 1",
    "length(printf('%1000000000d', 1)) > lat",
    "len(list_transform(records.issues, x -> x || x)) > 1",
    "len(list_filter(records.issues, lambda x: x = 'a')) > 1",
    "len([x FOR x IN records.issues]) > 1",
    "ifnull(sex, 'x') = repeat('x', 9)",
    "len(string_split(sex, '')) > 1",
    # other parts of a query
    "*",
    "COLUMNS(*) IS NULL",
    "COLUMNS('l.*') > 1",
    "count(*) > 1",
    "sum(lat) > 1",
    "max(lat) = lat",
    "lower(DISTINCT sex) = 'x'",
    "list(sex ORDER BY lat) IS NULL",
    "sum(lat) FILTER (WHERE true) > 1",
    "row_number() OVER () = 1",
    "lag(lat) OVER (ORDER BY lat) > 1",
    "lat > $1",
    "lat > ?",
    "lat > $limit",
    "sex = $$x$$",
    "#1 = 1",
    "lat = DEFAULT",
    "GROUPING(lat) = 1",
    "sex COLLATE NOCASE = 'x'",
    "sex COLLATE de > 'x'",
    "lower(string := sex) = 'x'",
    "(lat, lon) = (1, 2)",
    "{'a': lat}.a = 1",
    "[lat, lon] = [1, 2]",
    "MAP {'a': lat} IS NULL",
    "records.issues[1] = 'x'",
    "INTERVAL 1 DAY IS NULL AND lat > 1",
    "x'00' = sex",
    # casts, tables and columns
    "sex::BLOB IS NULL",
    "sex::JSON IS NULL",
    "sex::TIMESTAMPTZ IS NULL",
    "TRY_CAST(sex AS STRUCT(a INTEGER)) IS NULL",
    "TRY_CAST(sex AS INTEGER[1000000]) IS NULL",
    "TRY_CAST(sex AS ENUM('a', 'b')) IS NULL",
    "rowid = 1",
    "locator_row = 1",
    "locator_file = 'x'",
    "r.lat > 1",
    "medium.width > 1",
    "main.records.lat > 1",
    "records > 1",
    "score > 0.5",
    # no condition at all
    "",
    "   ",
    "lat",
    "lat + 1",
    "sex",
    "1 = 1",
    "true",
    "NULL",
    "lat >",
    "(lat > 1",
    "lat > 1)",
    "'unclosed",
    "lat > 1\0",
    "lat > sex",
    "sex > 5",
    "lat > 'north'",
    "event_date > 1990",
    "CAST(event_date AS DATE) > '1990-01-01'",
    "CAST(sex AS INTEGER) = 1",
    "sex SIMILAR TO life_stage",
    "sex LIKE life_stage",
    "regexp_matches(sex, life_stage)",
    "sex SIMILAR TO '(a'",
    "(" * 600 + "lat" + ")" * 600 + " > 1 AND " + "NOT " * 600 + "(lat > 1)",
    "sex IN (" + ", ".join(["'x'"] * 5000) + ")",
]
GOOD = [
    "license_family IN ('CC0', 'CC-BY')",
    "names.class = 'Aves' AND records.class IS NOT NULL",
    "lat BETWEEN -10.5 AND 10 OR lon NOT BETWEEN 0 AND 1e1",
    "scientific_name LIKE 'Puma%' OR publisher NOT ILIKE '%museum\\_%' ESCAPE '\\'",
    "creator SIMILAR TO '(A|B).*' AND regexp_matches(publisher, '^[A-Z]')",
    "CASE WHEN sex = 'female' THEN life_stage = 'adult' ELSE false END",
    "TRY_CAST(event_date AS DATE) >= DATE '2000-01-01'",
    "year(TRY_CAST(event_date AS DATE)) % 2 = 0",
    "extract(month FROM TRY_CAST(event_date AS DATE)) IN (5, 6)",
    "list_contains(records.issues, 'x') OR 'y' IN names.issues",
    'names."order" IS NULL',
    "NOT (coalesce(lower(trim(sex)), 'x') IS DISTINCT FROM 'x')",
    "media_width * media_height >= 65536 AND media_width / media_height < 4",
    "starts_with(source_record_id, '12') AND length(media_url) < 200",
    "LICENSE_FAMILY = 'CC0' AND Names.Confidence >= 90",
    "publisher = 'a; b -- c /* d */ $1'",
    "sex IN ('a', NULL) AND may_share",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_no_plain_condition_is_refused_with_the_place_and_what_was_expected(text: str) -> None:
    with pytest.raises(RecipeError) as refused:
        read_condition(text)
    assert refused.value.what and refused.value.expected


def test_a_hostile_condition_is_refused_when_the_recipe_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    for table, key in (("where = '''now() > event_date'''\n", "sources[0].where"), ("", "select.where")):
        of_select = "" if table else "[select]\nwhere = '''now() > event_date'''\n"
        path.write_text(BASE + table + of_select)
        with pytest.raises(RecipeError, match="calls now") as refused:
            load_recipe(path)
        assert f"key {key}" in refused.value.where and "line" in refused.value.where
        assert "lower" in refused.value.expected


@pytest.mark.parametrize("text", GOOD)
def test_a_plain_condition_is_read_and_what_runs_is_written_anew(text: str) -> None:
    condition = read_condition(text)
    assert condition.columns and "--" not in condition.sql.replace("-- c", "")
    assert read_condition(text) == condition


def test_columns_are_those_of_the_tables_but_for_the_place_in_a_file() -> None:
    duck = {"string": "VARCHAR", "int32": "INTEGER", "double": "DOUBLE", "bool": "BOOLEAN"}
    for schema, columns in ((RECORD_SCHEMA, RECORD_COLUMNS), (RESOLVED_SCHEMA, NAME_COLUMNS)):
        there = {
            each.name: duck.get(str(each.type), "VARCHAR[]") for each in schema if each.name not in LOCATOR_COLUMNS
        }
        assert dict(columns) == there
    assert {"name_id", "scientific_name"} == SAME_IN_BOTH


def test_a_column_of_both_tables_has_to_be_told_apart_and_a_mistyped_one_is_named() -> None:
    with pytest.raises(RecipeError) as refused:
        read_condition("class = 'Aves'")
    assert "records.class" in refused.value.expected and refused.value.remedy == "write names.class"
    with pytest.raises(RecipeError) as refused:
        read_condition("contry_code = 'NZ'")
    assert refused.value.remedy == "write country_code"
    with pytest.raises(RecipeError) as refused:
        read_condition("lowr(sex) = 'x'")
    assert refused.value.remedy == "write lower"


@pytest.mark.parametrize("word", WORDS)
def test_every_function_that_is_allowed_exists_and_is_pure(word: str) -> None:
    if word in ("if", "position"):  # the parser's own words, for CASE and strpos
        return
    listed = "SELECT DISTINCT function_type, stability FROM duckdb_functions() WHERE function_name = ?"
    rows = duckdb.execute(listed, [word]).fetchall()
    assert rows and all(kind in ("scalar", "macro") and stable in ("CONSISTENT", None) for kind, stable in rows), rows


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_text_is_read_or_refused_and_never_fails_otherwise(text: str) -> None:
    with suppress(RecipeError):
        read_condition(text)


@settings(max_examples=30)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20))
def test_a_text_in_quotes_is_data_whatever_it_holds(text: str) -> None:
    quoted = text.replace("'", "''")
    sql = read_condition(f"publisher = '{quoted}'").sql
    rows = duckdb.execute(f"SELECT {sql} FROM (SELECT ? AS publisher) r", [text]).fetchall()
    assert rows == [(True,)]


@pytest.mark.parametrize(
    ("text", "early", "late"),
    [
        ("lat > 1", "(r.lat > 1)", None),
        ("media.sharpness > 5", None, "(m.sharpness > 5)"),
        ("lat > 1 AND media.sharpness > 5", "(r.lat > 1)", "(m.sharpness > 5)"),
        (
            "(lat > 1 AND (s.x > 2 AND media.pixels > 5)) AND lon > 0",
            "((r.lat > 1) AND (s_s.x > 2) AND (r.lon > 0))",
            0,
        ),
        ("lat > 1 OR media.sharpness > 5", None, "((r.lat > 1) OR (m.sharpness > 5))"),
        ("NOT (lat > 1 AND media.sharpness > 5)", None, 0),
        ("lat > 1 AND (lon > 1 OR MEDIA.Sharpness > 5)", "(r.lat > 1)", "((r.lon > 1) OR (m.sharpness > 5))"),
        ("CASE WHEN media.entropy > 2 THEN lat > 1 ELSE false END AND may_share", "r.may_share", 0),
    ],
)
def test_what_reads_pictures_is_parted_from_the_rest_at_the_top_level_and_alone(
    text: str, early: str | None, late: str | int | None
) -> None:
    condition = read_condition(text, (("s", None),))
    assert (condition.early.sql if condition.early else None) == early
    if late == 0:
        assert condition.late is not None and " m." in condition.late.sql.replace("(", " ")
    else:
        assert (condition.late.sql if condition.late else None) == late
    parts = [part for part in (condition.early, condition.late) if part is not None]
    assert set(condition.columns) == {column for part in parts for column in part.columns}
    assert not any(table == "media" for part in parts[: early is not None] for table, _ in part.columns)


TRUTHS = st.sampled_from([None, False, True])
ATOMS = {"may_share": "r", "may_change": "r", "media.sharpness > 0": "m", "media.entropy > 0": "m"}


@given(
    st.recursive(
        st.sampled_from(sorted(ATOMS)),
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(lambda each: f"({' '.join(each)})"),
            inner.map(lambda each: f"(NOT {each})"),
        ),
        max_leaves=6,
    ),
    TRUTHS,
    TRUTHS,
    TRUTHS,
    TRUTHS,
)
@settings(max_examples=30)
def test_both_parts_together_choose_what_the_whole_chooses(
    text: str, share: bool | None, change: bool | None, sharp: bool | None, rich: bool | None
) -> None:
    condition = read_condition(text)
    tables = "(SELECT ?::BOOLEAN AS may_share, ?::BOOLEAN AS may_change) r, (SELECT ? AS sharpness, ? AS entropy) m"
    values = [share, change, *(None if each is None else int(each) for each in (sharp, rich))]

    def chosen(sql: str) -> bool:
        return bool(duckdb.execute(f"SELECT coalesce({sql}, false) FROM {tables}", values).fetchall()[0][0])

    parts = [part.sql for part in (condition.early, condition.late) if part is not None]
    assert all(map(chosen, parts)) == chosen(condition.sql)


def test_a_picture_is_named_with_its_table_and_scores_with_theirs() -> None:
    with pytest.raises(RecipeError) as refused:
        read_condition("sharpness > 5")
    assert refused.value.remedy == "write media.sharpness"
    with pytest.raises(RecipeError) as refused:
        read_condition("detecter.animal > 0.5", (("detector", None),))
    assert refused.value.remedy == "write detector.animal"
    with pytest.raises(RecipeError, match="no column 'animl'"):
        read_condition("detector.animl > 0.5", (("detector", (("animal", "DOUBLE"),)),))
    with pytest.raises(RecipeError):
        read_condition("media.pdq IS NULL")
    assert set(MEDIA_COLUMNS) - {"pixels", "aspect"} <= set(MEDIA_SCHEMA.names)


@pytest.mark.parametrize("name", ["media", "records", "names", "Upper", "a-b", "", "1a", "a" * 41, "a b", 'a"b'])
def test_scores_have_a_plain_name_of_their_own(name: str, tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    table = f"[[scores]]\nname = '{name}'\npath = 'x'\nkey = 'media_key'\n"
    path.write_text(BASE + table)
    with pytest.raises(RecipeError) as refused:
        load_recipe(path)
    assert "key scores[0].name" in refused.value.where
    path.write_text(BASE + 2 * "[[scores]]\nname = 'a'\npath = 'x'\nkey = 'media_key'\n")
    with pytest.raises(RecipeError, match="also the name"):
        load_recipe(path)
