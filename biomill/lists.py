"""Lists of URLs: their images on disk, with one outcome for each row; needs no recipe."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from biomill.arrow_input import Texts
    from manifests import FetchRules, ImageRules

logger = logging.getLogger("biomill")


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a fetch left in its folder: `images/` and `outcomes.parquet`."""

    folder: Path
    """Absolute path of the folder."""
    counts: Mapping[str, int]
    """Rows of the list by outcome, the most frequent first; "stored" are those that have an image."""

    @property
    def rows(self) -> int:
        """Rows of the list."""
        return sum(self.counts.values())

    @property
    def stored(self) -> int:
        """Rows that have an image."""
        return self.counts.get("stored", 0)

    def outcomes(self) -> pa.Table:
        """Return one row for each row of the list, in its order, with the columns that docs/fetch.md lists.

        `file` is the image's path below the folder; the list's own columns stand behind ours. Memory: the table.
        """
        import pyarrow.parquet as pq

        return pq.ParquetFile(self.folder / "outcomes.parquet").read()


def fetch(
    urls: str | PathLike[str] | Texts,
    out: str | PathLike[str],
    *,
    contact: str = "",
    column: str = "url",
    rules: FetchRules | None = None,
    image: ImageRules | None = None,
    workers: int = 1,
    retry: Sequence[str] | None = None,
    allow_empty: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Fetched:
    """Return what came of a list of URLs: images in a folder, and one outcome for each row.

    `urls`: the path of a list (.csv or .tsv with a header, .txt with a URL a line, .jsonl, each also .gz, or .parquet),
    URLs, or a table of pyarrow, pandas, Polars or DuckDB. `column`: the column that holds the URLs. `out`: a new
    folder, or that of an earlier call, which is gone on with. `contact`: mail address or URL by which hosts reach you,
    without which no public host is asked. `rules`: rates, timeouts, limits, opt-outs and the rest; `image`: what is
    stored. `workers`: processes, 0 for one per core. `retry`: outcomes that are asked for again; None: what was not
    reached, once the list was worked off; `()`: nothing. `progress` is called with each line that says how far it is;
    without it they are logged by the logger "biomill".

    Raises SourceError when the list cannot be read, RecipeError for rules that cannot be, UsageError for an outcome
    that is none, PipelineError when public hosts would be asked without a contact, StorageError, NetworkLostError when
    nobody could be asked (the same call goes on); EmptyResultError when no image was stored, unless `allow_empty`.
    """
    from manifests import FetchRules, ImageRules
    from manifests.checks import check_fetch
    from manifests.places import Places
    from pipeline.commands.engine import workers_of
    from pipeline.model.errors import UsageError
    from pipeline.run.fetch_list import fetch_list

    rules, image = rules or FetchRules(), image or ImageRules()
    if contact:
        rules = replace(rules, contact=contact)
    check_fetch(rules, Places("the arguments of fetch"), image)
    if workers < 0:
        raise UsageError(f"{workers} processes cannot work", expected="0 for one per core, or more")
    say, folder = logger.info if progress is None else progress, Path(out).absolute()
    given = isinstance(urls, str | PathLike)
    with nullcontext("") if given else tempfile.TemporaryDirectory(prefix="biomill-urls-") as scratch:
        path = Path(urls) if isinstance(urls, str | PathLike) else _written(urls, column, Path(scratch))
        again = "the same call of biomill.fetch, with"
        for line in fetch_list(path, column, folder, rules, image, workers_of(workers), retry, again):
            say(line)
    return _fetched(folder, allow_empty)


def _fetched(folder: Path, allow_empty: bool) -> Fetched:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from pipeline.model.errors import EmptyResultError

    outcomes = pq.ParquetFile(folder / "outcomes.parquet").read(columns=["outcome"]).column(0)
    rows = sorted(pc.value_counts(outcomes).to_pylist(), key=lambda each: (-each["counts"], each["values"]))
    found = Fetched(folder, {each["values"]: each["counts"] for each in rows})
    if not allow_empty and not found.stored:
        counts = ", ".join(f"{rows:,} {outcome}" for outcome, rows in found.counts.items())
        raise EmptyResultError(
            f"no image was stored: {counts}",
            where=str(folder / "outcomes.parquet"),
            remedy="its column detail says of every row why",
        )
    return found


def _written(urls: Texts, column: str, folder: Path) -> Path:
    """Write URLs that are no file as one, and return its path."""
    import pyarrow.parquet as pq

    from biomill.arrow_input import as_table

    path = folder / "urls.parquet"
    pq.write_table(as_table(urls, column), path)
    return path
