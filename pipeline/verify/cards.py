"""The cards beside the catalog: unchanged since they were written, and an attribution for exactly the kept images."""

from __future__ import annotations

import pyarrow.parquet as pq

from pipeline.cards import ATTRIBUTION, CARDS
from pipeline.errors import VerifyError
from pipeline.shards import verify_checksums
from pipeline.verify.check import Run


def cards(run: Run) -> str:
    """The cards' checksums hold, and ATTRIBUTION.parquet names each sample once, under the catalog's licence."""
    listed = verify_checksums(run.folder.root, CARDS)
    table = pq.read_table(run.folder.root / ATTRIBUTION, columns=["key", "license_id"])
    pairs = zip(table.column("key").to_pylist(), table.column("license_id").to_pylist(), strict=True)
    stated = sorted((key, licence or "") for key, licence in pairs)
    wanted = run.rows("SELECT key, license_id FROM samples ORDER BY key")
    if stated != [(key, licence or "") for key, licence in wanted]:
        raise VerifyError(
            f"{len(stated):,} attributions for {len(wanted):,} samples, or other licences", str(run.folder.root)
        )
    return f"{listed} files, {len(stated):,} attributions"
