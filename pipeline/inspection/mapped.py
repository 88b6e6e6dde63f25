"""A release of a source with a reader of its own, inspected by reading and mapping it as a run would."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.compute as pc

from manifests.recipe import SourceSpec
from pipeline.inspection.findings import Findings
from pipeline.inspection.media import HOST
from pipeline.sources import open_source


def inspect_mapped(path: Path, kind: str) -> Findings:
    """Read and map a release, split by split; rows are counted in the bytes, records by the reader."""
    source = open_source(kind)
    release = source.inspect(SourceSpec(name=kind, kind=kind, path=str(path)))
    findings = Findings(str(path), kind, release=release.release, license=release.license, records=0)
    with TemporaryDirectory(prefix="biomill-inspect-") as folder:
        spool = Path(folder)
        release = dataclasses.replace(release, facts={**release.facts, "spool": folder})
        for split in source.plan(release, spool).splits:
            findings.tables[split.table] = findings.tables.get(split.table, 0) + split.rows
            native = source.read(split, release)
            mapped = source.map({split.table: native.table}, release)
            _count_ended(native.ended, findings)
            _count_ended(mapped.ended, findings)
            _count_records(mapped.records, findings)
    return findings


def _count_ended(ended: pa.Table, findings: Findings) -> None:
    for row in ended.to_pylist():
        findings.outcomes[row["outcome"]] += 1
        code = json.loads(row["evidence"]).get("code")
        if code:
            findings.note(code, f"{row['locator_file']}, row {row['locator_row']}", row["raw"] or "")
            findings.ragged += code in ("RAGGED_SHORT", "RAGGED_LONG")


def _count_records(records: pa.Table, findings: Findings) -> None:
    findings.records = (findings.records or 0) + records.num_rows
    for name, counts in (("license_family", findings.licences), ("media_type", findings.media_types)):
        for row in pc.value_counts(records.column(name)).to_pylist():
            counts[row["values"] or "UNSPECIFIED"] += row["counts"]
    host = pc.utf8_lower(pc.struct_field(pc.extract_regex(records.column("media_url"), HOST), "host"))
    for row in pc.value_counts(pc.drop_null(host)).to_pylist():
        findings.hosts[row["values"]] += row["counts"]
    issues = pc.list_flatten(records.column("issues"))
    for row in pc.value_counts(issues).to_pylist():
        first = pc.index(pc.list_flatten(records.column("issues")), row["values"]).as_py()
        at = pc.list_parent_indices(records.column("issues"))[first].as_py()
        where = f"{records.column('locator_file')[at]}, row {records.column('locator_row')[at]}"
        example = records.column("media_url")[at].as_py() or records.column("source_record_id")[at].as_py() or ""
        findings.note(row["values"], where, example, row["counts"])
