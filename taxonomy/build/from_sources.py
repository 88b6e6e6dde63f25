"""Build an index from published taxonomies: read, link, merge, unite, write.

The same inputs give the same bytes: nothing of the clock, of paths or of the order of rows in a file enters the index.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from taxonomy.build.index import built, canonical_json, seal, whole_folder
from taxonomy.build.keys import write_keys
from taxonomy.build.links import codes, link
from taxonomy.build.merge import merge
from taxonomy.build.united import United, unite
from taxonomy.build.vernacular import first_names, unite_vernacular
from taxonomy.errors import TaxonomyError
from taxonomy.names.hashing import PROBE, name_hashes
from taxonomy.names.ranks import SEVEN, rank_level
from taxonomy.names.taxonomic_status import STATUSES
from taxonomy.readers import Input, Issues, read_source, source_inputs
from taxonomy.readers.vernacular import normalise_language

CODE_VERSION = 4
"""Raised whenever the same inputs would give another index."""


def build_taxonomy(sources: Sequence[str | Path], folder: Path, languages: Sequence[str] = ("eng",)) -> str:
    """Build an index from sources in order of priority, and give its build id.

    A source is 'default' or the path of a published taxonomy in one of the layouts that `taxonomy.readers` lists: a
    file, a folder or an archive. Common names are chosen in the order of `languages` (ISO 639). A folder that already
    holds this build is kept as it is.

    Raises TaxonomyError when a source cannot be read, or when it holds no accepted name.

    >>> import tempfile
    >>> from taxonomy import Taxonomy
    >>> folder = Path(tempfile.mkdtemp()) / "taxonomy"
    >>> build_taxonomy(["default"], folder) == Taxonomy.open(folder).build_id
    True
    """
    if not sources:
        raise TaxonomyError("no taxonomy is given", remedy="name at least one source, such as 'default'")
    inputs, tongues = source_inputs([str(source) for source in sources]), _tongues(languages)
    build_id = _build_id(inputs, tongues)
    folder = Path(folder)
    if built(folder, build_id):
        return build_id
    with whole_folder(folder, lambda there: built(there, build_id)) as temporary:
        _write(inputs, build_id, tongues, temporary)
    return build_id


def build_id_of(sources: Sequence[str | Path], languages: Sequence[str] = ("eng",)) -> str:
    """Return the id of the build that `build_taxonomy` makes of sources, without making it.

    >>> len(build_id_of(["default"]))
    64
    """
    return _build_id(source_inputs([str(source) for source in sources]), _tongues(languages))


def _tongues(languages: Sequence[str]) -> list[str]:
    return [code for code in (normalise_language(each) for each in languages) if code]


def _build_id(inputs: list[Input], languages: list[str]) -> str:
    """Return the digest of what decides the content of the index."""
    facts = {
        "code": CODE_VERSION,
        "languages": languages,
        "sources": [
            {"prefix": each.found.prefix, "layout": each.found.layout, "files": [digest for _, digest in each.digests]}
            for each in inputs
        ],
    }
    return hashlib.sha256(canonical_json(facts).encode()).hexdigest()


def _write(inputs: list[Input], build_id: str, languages: list[str], folder: Path) -> None:
    linked, vernaculars, counts = [], [], {}
    for source in inputs:
        checklist = read_source(source)
        counts[source.found.prefix] = checklist.usages.num_rows
        vernaculars.append(checklist.vernacular)
        linked.append(link(checklist))
        if not (linked[-1].accepted >= 0).any():
            raise TaxonomyError("the source holds no accepted name", source.found.table.origin)
    issues = [each.issues for each in linked]
    merged = merge(linked)
    # A backbone has millions of rows: what is done with goes before the next copy is made.
    del linked, checklist
    united = unite(merged)
    ids = merged.table["usage_id"]
    vernacular, rows = unite_vernacular(vernaculars, ids, united.stands_for, united.accepted, languages)
    del merged
    name, language = first_names(vernacular, rows, united.table.num_rows)
    ids = united.table["usage_id"].take(pa.array(rows)).combine_chunks()
    vernacular = vernacular.set_column(0, "usage_id", ids)
    pq.write_table(vernacular, folder / "vernacular.parquet", compression="zstd")
    _write_usages(united, name, language, folder)
    _write_arrays(united, name, language, folder)
    seal(folder, {**_facts(inputs, build_id, counts, issues, united), "languages": languages})


def _facts(
    inputs: list[Input], build_id: str, counts: dict[str, int], issues: list[Issues], united: United
) -> dict[str, Any]:
    probe = int(name_hashes(np.array([PROBE], dtype=object))[0])
    return {
        "build_id": build_id,
        "code_version": CODE_VERSION,
        "hash_probe": str(probe),
        "usages": united.table.num_rows,
        "accepted": int((united.accepted == np.arange(united.table.num_rows)).sum()),
        "issues": {"counts": united.issues.counts, "examples": united.issues.examples},
        "sources": [
            {
                "prefix": each.found.prefix,
                "layout": each.found.layout,
                "files": [{"name": name, "sha256": digest} for name, digest in each.digests],
                "usages": counts[each.found.prefix],
                "issues": {"counts": odd.counts, "examples": _without_folders(odd.examples, each.given)},
            }
            for each, odd in zip(inputs, issues, strict=True)
        ],
    }


def _without_folders(examples: dict[str, list[str]], given: str) -> dict[str, list[str]]:
    """Return examples without the folder of their source: an index is the same wherever its sources lie."""
    folder = str(Path(given).parent / "x").removesuffix("x")
    return {kind: [text.replace(folder, "") for text in texts] for kind, texts in examples.items()}


def _take(column: pa.ChunkedArray, rows: Any) -> pa.Array:
    return column.take(pa.array(rows, pa.int32(), mask=rows < 0)).combine_chunks()


def _write_usages(united: United, vernacular: pa.Array, language: pa.Array, folder: Path) -> None:
    table, names, ids = united.table, united.table["name"], united.table["usage_id"]
    columns: dict[str, Any] = {
        "usage_id": ids,
        "canonical_name": names,
        "authorship": table["authorship"],
        "rank": table["rank"],
        "status": table["status"],
        "parent_id": _take(ids, united.parent),
        "accepted_id": _take(ids, united.accepted),
    }
    columns |= {rank: _take(names, united.ranks[:, place]) for place, rank in enumerate(SEVEN)}
    columns |= {f"{rank}_id": _take(ids, united.ranks[:, place]) for place, rank in enumerate(SEVEN)}
    columns |= {
        "vernacular_name": vernacular,
        "vernacular_language": language,
        "source": table["source"],
        "source_ids": united.source_ids,
        "primary_source": table["source"],
        "source_status": united.source_status,
        "conflicts": united.conflicts,
    }
    pq.write_table(pa.table(columns), folder / "usages.parquet", compression="zstd")


def _write_arrays(united: United, vernacular: pa.Array, language: pa.Array, folder: Path) -> None:
    table = united.table
    strings = pa.table(
        {
            "usage_id": table["usage_id"],
            "name": table["name"],
            "authorship": table["authorship"],
            "rank": table["rank"],
            "vernacular_name": vernacular,
            "vernacular_language": language,
        }
    ).combine_chunks()
    with pa.OSFile(str(folder / "names.arrow"), "wb") as sink, pa.ipc.new_file(sink, strings.schema) as writer:
        writer.write_table(strings)
    status = np.array([STATUSES.index(each) for each in table["status"].to_pylist()], dtype=np.uint8)
    # A misapplied name says whom somebody meant, not what the name means: it is kept, but never matched.
    write_keys(folder, table["name"], status != STATUSES.index("misapplied"), united.parent)
    arrays = {
        "parent": united.parent,
        "accepted": united.accepted,
        "ranks": np.ascontiguousarray(united.ranks),
        "levels": _levels(table),
        "status": status,
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)


def _levels(table: pa.Table) -> Any:
    return codes(table["rank"], rank_level).astype(np.int16)
