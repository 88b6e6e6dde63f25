"""Lists of taxon names as people have them: a text file of one per line, or a column of a CSV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from manifests import BiomillError
from pipeline.lists.key_tables import read_rows

COLUMNS = ("taxon", "scientificName", "scientific_name", "canonical_name", "name", "species")
"""Columns that hold names when none is named, in this order."""


def read_lines(path: Path) -> list[str]:
    """Return the lines of a text file, without blanks around them, empty ones left out.

    Raises BiomillError for a file that cannot be read, or is not UTF-8.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BiomillError(
            f"the list of taxa cannot be read: {error}",
            where=str(path),
            expected="UTF-8 text with a taxon per line",
            remedy="correct the path, or write the list anew",
        ) from error
    return [line.strip() for line in lines if line.strip()]


def read_taxa(path: Path, columns: Sequence[str] = ()) -> list[str]:
    """Return the names of a .txt (one per line), .csv, .csv.gz or .tsv file, as they stand, empty ones left out.

    Raises BiomillError: a table without such a column, or one that cannot be read.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "a.csv")
    ...     _ = file.write_text("id,scientific_name\\n1,Puma concolor\\n2,\\n")
    ...     read_taxa(file)
    ['Puma concolor']
    """
    if path.suffix == ".txt":
        return read_lines(path)
    header, rows = read_rows(path)
    chosen = next((name for name in (columns or COLUMNS) if name in header), None)
    if chosen is None:
        raise BiomillError(
            "no column holds the names",
            where=f"{path}: {', '.join(header)}",
            expected="one of " + ", ".join(columns or COLUMNS),
            remedy="name the column with --column",
        )
    return [row[chosen].strip() for row in rows if row[chosen].strip()]
