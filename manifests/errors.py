"""The exception tree of Biomill, whose root lives here because every package may import this one.

BiomillError
├── RecipeError        manifests: a recipe, source or benchmark file says something impossible
├── TableError         manifests: a text table cannot be read on
├── TaxonomyError      taxonomy:  a taxonomy cannot be read, built or opened
├── LikenessError      dedup:     hashes or thresholds that admit no exact answer
└── PipelineError      pipeline:  see pipeline.model.errors for its branches
"""

from __future__ import annotations


class BiomillError(Exception):
    """An error a person can act on: what is wrong, where, what was expected and how to mend it.

    >>> print(BiomillError("no such column: 'gbifid'", where="a.txt, line 1", remedy="rename it to 'gbifID'"))
    no such column: 'gbifid'
      where:  a.txt, line 1
      remedy: rename it to 'gbifID'
    """

    def __init__(self, what: str, where: str = "", expected: str = "", remedy: str = "") -> None:
        # All four travel in `args`, so that the error survives pickling between worker processes.
        super().__init__(what, where, expected, remedy)
        self.what, self.where, self.expected, self.remedy = what, where, expected, remedy

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append(f"  where:  {self.where}")
        if self.expected:
            lines.append(f"  expect: {self.expected}")
        if self.remedy:
            lines.append(f"  remedy: {self.remedy}")
        return "\n".join(lines)


class RecipeError(BiomillError):
    """A recipe, source or benchmark description is wrong."""


class TableError(BiomillError):
    """A text table cannot be read at all, or no further; a row that cannot be read is a fault, not an error."""
