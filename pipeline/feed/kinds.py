"""Values of the wrong type, refused by name before anything is done with them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from numbers import Integral
from typing import Any

from pipeline.model.errors import FeedError

_TOLD: dict[type, str] = {int: "a whole number", bool: "True or False", str: "a text", tuple: "a tuple of numbers"}


def check_kinds(told: str, record: Any) -> None:
    """Raise FeedError for the first value of a dataclass that has another type than its default; without one: int.

    `told` is how the record is called.
    """
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        kind = int if field.default is dataclasses.MISSING else type(field.default)
        allowed = (list, tuple) if kind is tuple else (kind,)
        # A bool is an int to Python, and never to a person.
        if not isinstance(value, allowed) or isinstance(value, bool) != (kind is bool):
            raise FeedError(f"the {told}'s {field.name} is {value!r}", expected=_TOLD[kind])
        if isinstance(value, list | tuple) and not _are_numbers(value, field.default):
            raise FeedError(f"the {told}'s {field.name} is {value!r}", expected=f"numbers such as {field.default!r}")


def check_whole(told: str, value: Any, least: int | None = None) -> None:
    """Raise FeedError for what is no whole number, or one below `least`; numbers of NumPy are whole numbers too."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise FeedError(f"{told} is {value!r}", expected="a whole number")
    if least is not None and value < least:
        raise FeedError(f"{told} is {value!r}", expected=f"a whole number from {least} on")


def _are_numbers(values: Sequence[Any], default: Any) -> bool:
    """Return whether these are numbers, as many as the default has."""
    return len(values) == len(default) and all(isinstance(each, int | float) and each is not True for each in values)
