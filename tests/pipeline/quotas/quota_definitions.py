"""Records, rules, and what quotas leave of them by the definition of each rule, record by record."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from manifests import FetchRules, Recipe, SelectRules, SourceSpec
from pipeline.model.ids import hash64
from pipeline.model.licences import OPENNESS
from pipeline.quotas.sizes import tempered
from pipeline.splits.select_decisions import decide
from pipeline.storage import database as sql

SEED = 5
Row = dict[str, Any]
Caps = tuple[int | None, int | None]
RANKS = ("kingdom", "phylum", "class", "order", "family", "genus", "species")
TAXA = {
    "n0": ("sp:a", "g:a", "c:1"),
    "n1": ("sp:b", "g:a", "c:1"),
    "n2": ("sp:c", "g:c", "c:2"),
    "n3": ("g:c", "g:c", "c:2"),
}
LISTED = {"sp:a": "g:a", "sp:b": "g:a", "g:a": "g:a", "sp:c": "sp:c"}
"""The listed taxon that holds each; none holds what is known to its genus alone."""
NAMES = pa.table(
    {
        "name_id": list(TAXA),
        "accepted_id": [taxon for taxon, _, _ in TAXA.values()],
        "species_id": [taxon if taxon.startswith("sp") else None for taxon, _, _ in TAXA.values()],
        "genus_id": [genus for _, genus, _ in TAXA.values()],
        "class_id": [each for _, _, each in TAXA.values()],
        **{f"{rank}_id": pa.nulls(len(TAXA), pa.string()) for rank in ("kingdom", "phylum", "order", "family")},
    }
)
LISTED_TABLE = pa.table({"accepted_id": list(LISTED), "listed": list(LISTED.values())})
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "name_id": st.sampled_from(sorted(TAXA)),
            "source": st.sampled_from(["s", "t"]),
            "sex": st.sampled_from([None, "Female", "Male"]),
            "life_stage": st.sampled_from([None, "Adult", "Larva"]),
            "lat": st.sampled_from([None, 1.0, 1.4, 31.0]),
            "lon": st.sampled_from([None, 5.0, 5.3, 90.0]),
            "event_year": st.sampled_from([None, 2001, 2002]),
            "event_month": st.sampled_from([None, 1, 2, 7, 12]),
            "event_time": st.sampled_from([None, "05:59:00", "06:00", "23:10:00"]),
            "license_family": st.sampled_from([None, "CC0", "CC-BY-NC"]),
            "box_x": st.sampled_from([None, 1.0]),
        }
    ),
    max_size=40,
)
RULES = st.fixed_dictionaries(
    {},
    optional={
        "cap_per_taxon": st.integers(1, 6),
        "min_per_taxon": st.integers(1, 6),
        "min_available": st.integers(1, 8),
        "rare": st.sampled_from(["drop", "keep"]),
        "quota_rank": st.sampled_from(["accepted", "species", "genus", "class"]),
        "target": st.integers(1, 30),
        "power": st.sampled_from([0.0, 0.5, 1.0]),
        "most_taxa": st.integers(1, 3),
        "most_taxa_per": st.sampled_from(["class", "taxa"]),
        "quota_columns": st.sampled_from([("life_stage",), ("sex", "life_stage")]),
        "balance": st.sampled_from([("sex",), ("sex", "life_stage")]),
        "prefer": st.sampled_from([("licence",), ("box", "licence"), ("source",), ("rarity",)]),
        "thin_to": st.integers(1, 3),
        "thin_degrees": st.just(1.0),
        "thin_by": st.sampled_from([("year",), ("month", "daypart"), ("season",)]),
    },
)


def decided(
    rows: list[Row], rules: SelectRules, caps: tuple[int | None, int | None], ledger: list[Row] | None = None
) -> tuple[set[str], dict[str, str]]:
    """Return the ids that are kept, and the outcome of the others; `ledger` gets their rows."""
    recipe = recipe_of(rules, caps)
    kept, records = tables_of(rows)
    with tempfile.TemporaryDirectory() as folder, sql.connect(256, Path(folder)) as con:
        con.register("kept", kept)
        con.register("names", NAMES)
        con.register("records", records)
        con.register("quota_listed", LISTED_TABLE)
        parts = list(decide(con, "kept", "names", recipe, "records", "records"))
    stay = {row["record_id"] for part in parts for row in part[0].to_pylist()}
    ended = [row for part in parts for row in part[1].to_pylist()]
    if ledger is not None:
        ledger += ended
    return stay, {row["row_id"]: row["outcome"] for row in ended}


def recipe_of(rules: SelectRules, caps: Caps, fetch: FetchRules | None = None) -> Recipe:
    """Return the recipe of two sources with these rules and caps."""
    return Recipe(
        "r",
        (
            SourceSpec("s", "gbif-dwca", "x", priority=2, cap_per_taxon=caps[0]),
            SourceSpec("t", "gbif-dwca", "y", priority=1, cap_per_taxon=caps[1]),
        ),
        seed=SEED,
        select=rules,
        fetch=fetch or FetchRules(),
    )


def tables_of(rows: list[Row]) -> tuple[pa.Table, pa.Table]:
    """Return the rows as what is kept, and as records."""
    kept = pa.Table.from_pylist(
        [{key: row[key] for key in ("record_id", "source", "name_id")} | fixed(row) for row in rows],
        pa.schema(
            [(key, pa.string()) for key in ("record_id", "source", "image_id", "media_id", "group_id", "name_id")]
        ),
    )
    numbers = {"lat": pa.float64(), "lon": pa.float64(), "box_x": pa.float64()}
    numbers |= {"event_year": pa.int32(), "event_month": pa.int32()}
    columns = ("record_id", "sex", "life_stage", "lat", "lon", "event_year", "event_month", "event_time")
    schema = pa.schema([(key, numbers.get(key, pa.string())) for key in (*columns, "license_family", "box_x")])
    records = pa.Table.from_pylist([{key: row[key] for key in schema.names} for row in rows], schema)
    return kept, records


def fixed(row: Row) -> Row:
    return {"image_id": row["record_id"], "media_id": row["record_id"], "group_id": row["record_id"]}


def taxon_of(row: Row, rank: str | None) -> str:
    accepted, genus, group = TAXA[row["name_id"]]
    own = {"species": accepted if accepted.startswith("sp") else "", "genus": genus, "class": group}.get(rank or "", "")
    return own or accepted


def by_definition(rows: list[Row], rules: SelectRules, caps: dict[str, int | None]) -> dict[str, str]:
    """Return the outcome of what is not kept, rule by rule as the recipe's reference words them."""
    taxon = {row["record_id"]: taxon_of(row, rules.quota_rank) for row in rows}
    told_apart = {
        row["record_id"]: (taxon[row["record_id"]], *(row[name] for name in rules.quota_columns or ())) for row in rows
    }
    ended: dict[str, str] = {}

    def left() -> list[Row]:
        return [row for row in rows if row["record_id"] not in ended]

    def grouped(of: list[Row], key: Callable[[Row], Any]) -> dict[Any, list[Row]]:
        found = defaultdict(list)
        for row in of:
            found[key(row)].append(row)
        return found

    def degree(row: Row) -> Any:
        return None if None in (row["lat"], row["lon"]) else (taxon[row["record_id"]], row["lat"] // 1, row["lon"] // 1)

    near = grouped(rows, degree)

    def order(row: Row) -> tuple[Any, ...]:
        def reason(name: str) -> Any:
            if name == "licence":
                return OPENNESS.get(row["license_family"], len(OPENNESS))
            if name == "box":
                return row["box_x"] is None
            if name == "source":
                return {"s": 2, "t": 1}[row["source"]]
            return 10**9 if degree(row) is None else len(near[degree(row)])

        return (*(reason(name) for name in rules.prefer or ()), hash64(SEED, f"quota:{row['record_id']}"))

    def place(row: Row) -> Any:
        parts: list[Any] = []
        if rules.thin_degrees:
            if None in (row["lat"], row["lon"]):
                return None
            parts += [row["lat"] // 1, row["lon"] // 1]
        month, time = row["event_month"], row["event_time"]
        for period in rules.thin_by or ():
            known = {"year": row["event_year"], "month": month, "season": month and (month % 12) // 3, "daypart": time}
            if known[period] is None:
                return None
            parts.append(int(time[:2]) // 6 if period == "daypart" else known[period])
        return tuple(parts)

    for (source, _), each in grouped(left(), lambda r: (r["source"], told_apart[r["record_id"]])).items():
        if caps[source] is not None:
            ended |= {row["record_id"]: "over_quota" for row in sorted(each, key=order)[caps[source] :]}
    if rules.thin_to:
        for (_, where), each in grouped(left(), lambda r: (told_apart[r["record_id"]], place(r))).items():
            if where is not None:
                ended |= {row["record_id"]: "thinned" for row in sorted(each, key=order)[rules.thin_to :]}
    for floor in (rules.min_per_taxon if rules.rare != "keep" else None, rules.min_available):
        for each in grouped(left(), lambda r: told_apart[r["record_id"]]).values():
            if floor and len(each) < floor:
                ended |= {row["record_id"]: "too_rare" for row in each}
    if rules.most_taxa:
        taxa = {taxon[row["record_id"]]: "" for row in left()}
        seen: set[str] = set()
        for row in left():
            own = taxon[row["record_id"]]
            if rules.most_taxa_per == "class":
                taxa[own] = TAXA[row["name_id"]][2]
            elif rules.most_taxa_per:
                listed = LISTED.get(TAXA[row["name_id"]][0], "")
                taxa[own] = listed if own not in seen else min(taxa[own], listed)
            seen.add(own)
        within = grouped([{"taxon": key, "per": value} for key, value in taxa.items()], lambda r: r["per"])
        stay = {
            row["taxon"]
            for each in within.values()
            for row in sorted(each, key=lambda r: hash64(SEED, f"quota taxon:{r['taxon']}"))[: rules.most_taxa]
        }
        ended |= {row["record_id"]: "over_quota" for row in left() if taxon[row["record_id"]] not in stay}
    of_taxon = grouped(left(), lambda r: told_apart[r["record_id"]])
    quota = {each: rules.cap_per_taxon or len(found) for each, found in of_taxon.items()}
    if rules.target is not None:
        power = 0.5 if rules.power is None else rules.power
        # Equal remainders go to the smaller key, and no text of a value is smaller than none.
        keys = {each: chr(31).join((value or "") for value in each) for each in of_taxon}
        counts = {keys[each]: len(found) for each, found in of_taxon.items()}
        sizes = tempered(counts, rules.target, power, rules.cap_per_taxon, rules.min_per_taxon or 0)
        quota = {each: sizes[key] for each, key in keys.items()}
    for each, found in of_taxon.items():
        chosen = sorted(found, key=order)
        if rules.balance:
            turns = [
                (turn, row)
                for values in grouped(chosen, lambda r: tuple(r[key] for key in rules.balance or ())).values()
                for turn, row in enumerate(values)
            ]
            chosen = [row for _, row in sorted(turns, key=lambda pair: (pair[0], order(pair[1])))]
        ended |= {row["record_id"]: "over_quota" for row in chosen[quota[each] :]}
    return ended
