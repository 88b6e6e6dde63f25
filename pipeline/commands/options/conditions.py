"""Conditions in SQL on the command line: one that was named says something."""

from __future__ import annotations


def check_condition(where: str | None) -> None:
    """Raise UsageError for an empty condition that was named, such as that of a variable that is not set.

    >>> check_condition(None), check_condition("family = 'Felidae'")
    (None, None)
    >>> check_condition(" ")
    Traceback (most recent call last):
        ...
    pipeline.model.errors.UsageError: the condition of --where is empty
      expect: a condition in SQL on the view samples, or a SELECT of keys
      remedy: leave --where out to read all samples
    """
    from pipeline.model.errors import UsageError

    if where is not None and not where.strip():
        raise UsageError(
            "the condition of --where is empty",
            expected="a condition in SQL on the view samples, or a SELECT of keys",
            remedy="leave --where out to read all samples",
        )
