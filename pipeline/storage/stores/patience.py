"""Asking a store again that is busy or cannot be reached: with pauses that double, until patience ends."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar, cast

from pipeline.storage.files.failures import FailureKind
from pipeline.storage.stores.store_error import StoreError

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0


class Patient(Protocol):
    """What is asked again."""

    patience: float
    """Seconds in which it is asked again; 0: not at all."""


P = ParamSpec("P")
S = TypeVar("S", bound=Patient)
R = TypeVar("R")


def patiently(ask: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Return a method that asks again what failed for a reason that may pass; what is missing or refused is not.

    Pauses double from half a second to ten, each cut at random, so that workers which were told to slow down together
    do not come back together.

    >>> from types import SimpleNamespace
    >>> answers = [StoreError("busy"), StoreError("gone", kind=FailureKind.MISSING)]
    >>> @patiently
    ... def ask(self):
    ...     raise answers.pop(0)
    >>> ask(SimpleNamespace(patience=30))
    Traceback (most recent call last):
        ...
    pipeline.storage.stores.store_error.StoreError: gone
    """

    @wraps(ask)
    def again(self: S, *args: P.args, **kwargs: P.kwargs) -> R:
        began, pause = time.monotonic(), _FIRST_PAUSE
        while True:
            try:
                return ask(self, *args, **kwargs)
            except StoreError as error:
                if not _may_pass(error) or time.monotonic() + pause - began > self.patience:
                    raise
            time.sleep(pause * random.uniform(0.5, 1.0))  # nothing that is written depends on it
            pause = min(2 * pause, _LONGEST_PAUSE)

    return cast(Callable[Concatenate[S, P], R], again)


def _may_pass(error: StoreError) -> bool:
    """Return whether asking again may help: not where the client itself refuses what it was asked."""
    return error.kind is FailureKind.FAILED and not isinstance(error.__cause__, (ValueError, NotImplementedError))
