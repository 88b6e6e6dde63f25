"""Size and speed of the taxonomy index, beside a DuckDB string join and a Python dict of the same names.

A taxonomy is generated (genera and epithets of syllables, every fifth name a synonym), built by the real build, in a
process of its own, and asked for exact names, other endings and misspelt names. Last, records over generated
lineages go through the resolve step of the pipeline: keys, distinct names, answers, join. Times are CPU seconds.

    python tests/performance/bench_resolve.py [--names 200000] [--queries 200000] [--records 200000] [--lineages 20000]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as pq

from pipeline.model.name_keys import name_ids
from pipeline.model.records import NAME_COLUMNS, conform
from taxonomy import Taxonomy, build_taxonomy, resolve
from taxonomy.match import candidates as finders

TAXONOPY_MICROSECONDS = 155.0
"""CPU per record of TaxonoPy's published code, without the name service that it asks."""
SYLLABLES = [c + v for c in "bcdflmnprstvgz" for v in "aeiou"]
ENDINGS = ("us", "a", "um", "is", "ensis", "oides", "atus", "ella", "icola", "or")
RANKS = ("kingdom", "phylum", "class", "order", "family")


def words(count: int, syllables: int, endings: tuple[str, ...], salt: int) -> list[str]:
    """Return distinct words: a number written in syllables, and an ending."""
    base = len(SYLLABLES)
    rng = np.random.default_rng(salt)
    numbers = np.sort(rng.choice(base**syllables, size=count, replace=False))
    made = []
    for number in numbers.tolist():
        text, rest = "", number
        for _ in range(syllables):
            rest, digit = divmod(rest, base)
            text += SYLLABLES[digit]
        made.append(text + endings[number % len(endings)])
    return made


def generate(folder: Path, names: int) -> None:
    """Write a Darwin Core table of about that many names, in 2,000 families, and the names alone."""
    genera = [word.capitalize() for word in words(max(500, names // 100), 4, ("us", "a", "ia", "es"), 1)]
    epithets = words(max(2_000, min(60_000, names // 40)), 4, ENDINGS, 2)
    rng = np.random.default_rng(3)
    pairs = np.unique(rng.integers(0, len(genera) * len(epithets), size=int(names * 1.01)))[:names]
    genus = pa.array(genera).take(pa.array(pairs // len(epithets)))
    epithet = pa.array(epithets).take(pa.array(pairs % len(epithets)))
    species = pc.binary_join_element_wise(genus, epithet, " ")
    count = len(pairs)
    synonym = np.arange(count) % 5 == 4
    ids = pc.binary_join_element_wise("s", pa.array(np.arange(count)).cast(pa.string()), "")
    parents = pc.binary_join_element_wise("g", pa.array(pairs // len(epithets)).cast(pa.string()), "")
    none = pa.nulls(count, pa.string())
    accepted = ids.take(pa.array(np.where(synonym, np.arange(count) - 1, 0)))
    families = 2_000
    above = [("k1", "", "", "Animalia", "kingdom", "accepted"), ("p1", "k1", "", "Chordata", "phylum", "accepted")]
    above += [(f"c{i}", "p1", "", f"Classis{chr(97 + i)}", "class", "accepted") for i in range(20)]
    above += [(f"f{i}", f"c{i % 20}", "", f"{word.capitalize()}idae", "family", "accepted")
              for i, word in enumerate(words(families, 3, ("",), 4))]  # fmt: skip
    above += [(f"g{i}", f"f{i % families}", "", name, "genus", "accepted") for i, name in enumerate(genera)]
    header = ("taxonID", "parentNameUsageID", "acceptedNameUsageID", "scientificName", "taxonRank", "taxonomicStatus")
    higher = pa.table(dict(zip(header, (list(each) for each in zip(*above, strict=True)), strict=True)))
    mask = pa.array(synonym)
    columns = [ids, pc.if_else(mask, none, parents), pc.if_else(mask, accepted, none), species,
               pa.array(["species"] * count), pc.if_else(mask, "synonym", "accepted")]  # fmt: skip
    options = csv.WriteOptions(delimiter="\t", quoting_style="none")
    csv.write_csv(
        pa.concat_tables([higher, pa.table(dict(zip(header, columns, strict=True)))]), folder / "taxa.tsv", options
    )
    pq.write_table(pa.table({"name": species}), folder / "names.parquet")


def cpu(work: Callable[[], Any], repeats: int = 3) -> float:
    """Return the median CPU seconds of some work."""
    spent = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return statistics.median(spent)


def build(folder: Path) -> None:
    """Build the index, and print what it cost; runs in a process of its own."""
    start = time.process_time()
    build_taxonomy([folder / "taxa.tsv"], folder / "built")
    spent = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sizes = {path.name: path.stat().st_size for path in sorted((folder / "built").iterdir())}
    size, keys = sum(sizes.values()), sizes["hashes.npy"] + sizes["rows.npy"]
    print(f"build           {spent:,.1f} CPU s, peak {peak:,.0f} MB")
    print(f"on disk         {size / 1e6:,.0f} MB, of which hashes of names {keys / 1e6:,.0f} MB", flush=True)
    opened = []
    for _ in range(5):
        begin = time.perf_counter()
        Taxonomy.open(folder / "built")
        opened.append(time.perf_counter() - begin)
    print(f"open            {1000 * statistics.median(opened):.1f} ms")


def own_memory() -> int:
    """Return the bytes of this process that are not pages of a file, which all processes share."""
    memory = psutil.Process().memory_info()
    return int(memory.rss - memory.shared)


def worker(folder: Path) -> None:
    """Open the index, answer a few thousand names, and print the memory that is this process's own."""
    first = next(pq.ParquetFile(folder / "names.parquet").iter_batches(5_000))
    asked = pa.Table.from_batches([first]).rename_columns(["scientific_name"])
    before = own_memory()
    taxonomy = Taxonomy.open(folder / "built")
    opened = own_memory()
    resolve(taxonomy, asked)
    print(json.dumps([max(0, opened - before), max(0, own_memory() - before)]))


def misspelt(names: list[str]) -> list[str]:
    """Drop one letter of the epithet of every name."""
    return [name[: (at := name.index(" ") + 3 + len(name) % 3)] + name[at + 1 :] for name in names]


def other_endings(names: list[str]) -> list[str]:
    """Write every epithet with the ending of another gender."""
    changed = {"us": "a", "a": "us", "um": "a", "is": "e"}
    return [next(name[: -len(old)] + new for old, new in changed.items() if name.endswith(old)) for name in names]


def rungs(folder: Path, queries: int) -> None:
    """Measure the finders of the rungs, and whole answers, beside DuckDB and a dict."""
    taxonomy = Taxonomy.open(folder / "built")
    all_names = pq.read_table(folder / "names.parquet")["name"].combine_chunks()
    rng = np.random.default_rng(5)
    picked = all_names.take(pa.array(rng.integers(0, len(all_names), size=queries))).to_pylist()
    unknown = [name[::-1].capitalize() for name in picked[: queries // 5]]
    asked = np.array(picked[queries // 5 :] + unknown, dtype=object)
    pq.write_table(pa.table({"i": np.arange(queries), "name": pa.array(asked, pa.string())}), folder / "asked.parquet")
    con = duckdb.connect(config={"threads": 1})
    con.execute(f"CREATE VIEW names AS SELECT * FROM '{folder}/names.parquet'")
    con.execute(f"CREATE VIEW asked AS SELECT * FROM '{folder}/asked.parquet'")
    strings = pa.array(asked, pa.string())
    joined = "SELECT i, file_row_number AS row FROM asked JOIN read_parquet(?, file_row_number=true) n USING (name)"
    duck = cpu(lambda: con.sql(joined, params=[f"{folder}/names.parquet"]).to_arrow_table())
    exact = cpu(lambda: taxonomy.find(np.asarray(strings.to_numpy(zero_copy_only=False), dtype=object)))
    say("exact rung", queries, exact)
    say("  DuckDB join", queries, duck, f"the index takes {exact / duck:.2f} x its CPU (bar: 2.0)")
    if len(all_names) <= 10_000_000:
        start = time.process_time()
        table = {name: row for row, name in enumerate(all_names.to_pylist())}
        made = time.process_time() - start
        spent = cpu(lambda: [table.get(name) for name in strings.to_pylist()])
        say("  Python dict", queries, spent, f"after {made:.1f} CPU s to fill it in every process")
    whole = pa.table({"scientific_name": strings})
    say("whole answers", queries, cpu(lambda: resolve(taxonomy, whole)), "20 % of the names unknown, all columns")
    gendered = [name for name in picked if name.endswith(("us", "a", "um", "is"))]
    few = min(queries // 10, len(gendered))
    question = np.arange(few, dtype=np.int64)
    for title, names, meant, finder in (
        ("stem rung", other_endings(gendered[:few]), gendered[:few], finders.by_stem),
        ("fuzzy rung", misspelt(picked[:few]), picked[:few], finders.near),
    ):
        array = np.array(names, dtype=object)
        spent = cpu(lambda finder=finder, array=array: finder(taxonomy, question, array))  # type: ignore[misc]
        pairs = finder(taxonomy, question, array)
        found = taxonomy.names["name"].take(pa.array(pairs.row)).to_pylist()
        right = {q for q, name in zip(pairs.question.tolist(), found, strict=True) if meant[q] == name}
        say(title, few, spent, f"the name that was meant is among the candidates of {len(right) / few:.1%}")


def say(title: str, count: int, seconds: float, more: str = "") -> None:
    """Print one rate."""
    print(f"{title:<15} {count / seconds:>11,.0f} names per CPU s" + (f"; {more}" if more else ""), flush=True)


def end_to_end(folder: Path, records: int, lineages: int) -> None:
    """Resolve records over lineages as the pipeline does: keys, distinct tuples, answers, join by key."""
    taxonomy = Taxonomy.open(folder / "built")
    rows = pq.read_table(folder / "built" / "usages.parquet", columns=["canonical_name", *RANKS, "genus", "rank"])
    rows = rows.filter(pc.equal(rows["rank"], "species"))
    rng = np.random.default_rng(7)
    some = rows.take(pa.array(np.sort(rng.choice(rows.num_rows, size=min(lineages, rows.num_rows), replace=False))))
    table = some.take(pa.array(rng.integers(0, some.num_rows, size=records)))
    given = {"scientific_name": table["canonical_name"]} | {rank: table[rank] for rank in (*RANKS, "genus")}
    given_table = conform(pa.table(given))

    def work() -> None:
        keyed = given_table.select(list(NAME_COLUMNS)).append_column("name_id", name_ids(given_table))
        distinct = keyed.group_by("name_id", use_threads=False).aggregate([(name, "first") for name in NAME_COLUMNS])
        distinct = distinct.rename_columns(["name_id", *NAME_COLUMNS])
        answers = resolve(taxonomy, distinct)
        keyed.select(["name_id"]).join(answers.select(["name_id", "accepted_id", "match_type"]), "name_id")

    spent = cpu(work) / records * 1e6
    print(f"end to end      {spent:.2f} us of CPU per record ({records:,} records over {some.num_rows:,} lineages)")
    print(f"  TaxonoPy      {TAXONOPY_MICROSECONDS:.0f} us (published code, its name service not counted): "
          f"{TAXONOPY_MICROSECONDS / spent:.0f} x (bar: 30)")  # fmt: skip


def main(arguments: list[str]) -> None:
    """Run all measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", type=int, default=200_000)
    parser.add_argument("--queries", type=int, default=200_000)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--lineages", type=int, default=20_000)
    parser.add_argument("--folder", type=Path, help="keep the generated taxonomy there, and use what is there")
    parser.add_argument("--step", choices=("build", "worker"), help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    if args.step:
        {"build": build, "worker": worker}[args.step](args.folder)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "taxa.tsv").exists():
            generate(folder, args.names)
        again = [sys.executable, __file__, "--folder", str(folder), "--step"]
        env = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]),
        }
        print(f"{args.names:,} names", flush=True)
        subprocess.run([*again, "build"], check=True, env=env)
        done = subprocess.run([*again, "worker"], check=True, env=env, capture_output=True, text=True)
        opened, used = json.loads(done.stdout)
        print(
            f"one more worker {opened / 1e6:.1f} MB of its own after opening, {used / 1e6:.1f} MB after 5,000 answers"
        )
        rungs(folder, args.queries)
        end_to_end(folder, args.records, args.lineages)


if __name__ == "__main__":
    main(sys.argv[1:])
