"""Measure reading and mapping of GBIF archives: `python tests/performance/bench_dwca.py --help`.

Two questions. How does it compare with python-dwca-reader on the same archive in one run (CPU seconds; the archive has
the three tables of a GBIF download; "read and join" does what the peer does, the other lines also map, key and account
for every row)? And how do CPU per media row
and peak memory grow with the archive, where rows go through the spool and the buckets of the ingest stage? Every figure
comes from a process of its own. Ratios are of one run; absolute times are the machine's.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from manifests.recipe import SourceSpec
from pipeline.demo.bulk import ARCHIVE, generate_records

_WIDTH, _VERBATIM_WIDTH = 241, 219
"""Columns of the interpreted and of the verbatim occurrence table of a GBIF download."""
_FILL = ("true", "2024-05-17T00:00:00", "Procedural locality, north of the brook", "", "", "", "1234", "", "DE", "")

_VERBATIM = (
    '<extension encoding="UTF-8" fieldsTerminatedBy="\\t" linesTerminatedBy="\\n" fieldsEnclosedBy="" '
    'ignoreHeaderLines="1" rowType="http://rs.tdwg.org/dwc/terms/Occurrence"><files><location>verbatim.txt</location>'
    '</files><coreid index="0"/>%s</extension>'
)


def wide_archive(folder: Path, rows: int) -> Path:
    """Widen a bulk archive to GBIF's columns, and add the verbatim table and the metadata document of a download."""
    generate_records(folder, rows)
    path = folder / "wide.zip"
    with zipfile.ZipFile(folder / ARCHIVE) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        with source.open("occurrence.txt") as lines, out.open("occurrence.txt", "w", force_zip64=True) as wide:
            header = next(lines).rstrip(b"\n").split(b"\t")
            more = _WIDTH - len(header)
            names = [f"term{number}" for number in range(more)]
            wide.write(b"\t".join([*header, *(name.encode() for name in names)]) + b"\n")
            tail = ("\t" + "\t".join(_FILL[number % len(_FILL)] for number in range(more)) + "\n").encode()
            for line in lines:
                wide.write(line[:-1] + tail)
        out.writestr("multimedia.txt", source.read("multimedia.txt"))
        verbatim = [f"verbatim{number}" for number in range(_VERBATIM_WIDTH - 1)]
        tail = ("\t" + "\t".join(_FILL[number % len(_FILL)] for number in range(len(verbatim))) + "\n").encode()
        with source.open("occurrence.txt") as lines, out.open("verbatim.txt", "w", force_zip64=True) as plain:
            at = next(lines).rstrip(b"\n").split(b"\t").index(b"gbifID")
            plain.write(b"gbifID\t" + "\t".join(verbatim).encode() + b"\n")
            for line in lines:
                plain.write(line.split(b"\t")[at] + tail)
        meta = source.read("meta.xml").decode()
        fields = "".join(
            f'<field index="{len(header) + n}" term="http://example.org/{name}"/>' for n, name in enumerate(names)
        )
        meta = meta.replace("</core>", f"{fields}</core>")
        fields = "".join(
            f'<field index="{n + 1}" term="http://example.org/{name}"/>' for n, name in enumerate(verbatim)
        )
        out.writestr("meta.xml", meta.replace("</archive>", f"{_VERBATIM % fields}</archive>"))
        out.writestr("metadata.xml", "<eml/>")
    return path


def peer(path: Path) -> int:
    """Join media to occurrences as python-dwca-reader does."""
    from dwca.read import DwCAReader

    with DwCAReader(str(path)) as archive:
        return sum(
            1
            for row in archive
            for medium in row.extensions
            if medium.data and row.data and medium.rowtype.endswith("Multimedia")
        )


def ours(path: Path) -> int:
    """Read and map the archive in the buckets of its plan, as the ingest stage does."""
    from pipeline.sources import open_source
    from pipeline.stages.ingest import ingest_release

    release = open_source("gbif-dwca").inspect(SourceSpec(name="bench", kind="gbif-dwca", path=str(path)))
    with tempfile.TemporaryDirectory() as folder:
        ingest_release(release, Path(folder))
        import pyarrow.parquet as pq

        return sum(pq.read_metadata(file).num_rows for file in (Path(folder) / "records").glob("*.parquet"))


def joined(path: Path) -> int:
    """Read the archive and join media to occurrences: what the peer does."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from pipeline.sources import open_source

    source = open_source("gbif-dwca")
    release = source.inspect(SourceSpec(name="bench", kind="gbif-dwca", path=str(path)))
    with tempfile.TemporaryDirectory() as folder:
        tables: dict[str, list[pa.Table]] = {}
        for split in source.plan(release, Path(folder)).splits:
            tables.setdefault(split.table, []).append(source.read(split, release).table)
        media, occurrences = (pa.concat_tables(tables[name]) for name in ("multimedia", "occurrence"))
        index = pc.index_in(media.column("gbifID"), occurrences.column("gbifID"))
        occurrences.take(index)
        return int(len(index) - index.null_count)


def in_memory(path: Path) -> int:
    """Read and map the archive without spooling rows: what the reader itself costs."""
    import pyarrow as pa

    from pipeline.sources import open_source

    source = open_source("gbif-dwca")
    release = source.inspect(SourceSpec(name="bench", kind="gbif-dwca", path=str(path)))
    with tempfile.TemporaryDirectory() as folder:
        plan = source.plan(release, Path(folder))
        tables: dict[str, list[pa.Table]] = {}
        for split in plan.splits:
            tables.setdefault(split.table, []).append(source.read(split, release).table)
        mapped = source.map({name: pa.concat_tables(parts) for name, parts in tables.items()}, release)
        return int(mapped.records.num_rows)


WORK = {
    "python-dwca-reader": peer,
    "biomill, read and join": joined,
    "biomill, read and map": in_memory,
    "biomill, spool, read, map, write": ours,
}


def measured(work: str, path: Path) -> dict[str, float]:
    """Run one piece of work in a process of its own."""
    command = [sys.executable, __file__, "--child", work, str(path)]
    result: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return result


def child(work: str, path: Path) -> None:
    import pyarrow as pa

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    WORK[work](path.parent / "warm.zip")  # imports and first-use tables are not what is measured
    start = time.process_time()
    rows = WORK[work](path)
    took = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"cpu": took, "rows": rows, "peak_mb": peak}))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--rows", type=int, default=60_000, help="media rows of the archive that the peer reads too")
    parser.add_argument("--grow", type=int, nargs="*", default=[10_000, 100_000, 1_000_000], help="media rows")
    parser.add_argument("--child", nargs=2, metavar=("WORK", "ARCHIVE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child[0], Path(options.child[1]))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wide_archive(folder, 100).rename(folder / "warm.zip")
        path = wide_archive(folder, options.rows)
        costs = {}
        for work in WORK:
            found = measured(work, path)
            costs[work] = found["cpu"]
            ratio = costs["python-dwca-reader"] / found["cpu"]
            print(f"{work}, {found['rows']:,.0f} media: {found['cpu']:.2f} CPU s", end=", ")
            print(f"peak {found['peak_mb']:.0f} MB, {ratio:.1f} x python-dwca-reader")
        for rows in options.grow:
            generate_records(folder, rows)
            found = measured("biomill, spool, read, map, write", folder / ARCHIVE)
            print(f"growth: {rows:,} media: {found['cpu'] / rows * 1e6:.1f} us a row, peak {found['peak_mb']:.0f} MB")


if __name__ == "__main__":
    main()
