"""Errors of the library that, on the command line, are about the words that were typed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from manifests import BiomillError
from pipeline.model.errors import UsageError


@contextmanager
def misuse() -> Iterator[None]:
    """Raise as UsageError what options alone were found wrong by, so that the command ends with status 2.

    >>> with misuse():
    ...     raise BiomillError("no such sampler: 'x'", expected="one of uniform, cap")
    Traceback (most recent call last):
        ...
    pipeline.model.errors.UsageError: no such sampler: 'x'
      expect: one of uniform, cap
    """
    try:
        yield
    except BiomillError as error:
        raise UsageError(error.what, error.where, error.expected, error.remedy) from error
