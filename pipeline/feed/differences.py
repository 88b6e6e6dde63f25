"""What a saved state was made with against what is read here: each difference by its name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def differences(state: Mapping[str, Any], parts: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is not the same in a state and here, by name."""
    for name, mine in parts.items():
        theirs = state.get(name)
        if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
            for key in sorted({*mine, *theirs}):
                there, here = theirs.get(key, False), mine.get(key, False)
                if (list(there) if isinstance(there, tuple) else there) != here:
                    yield f"{name}: {key} was {there!r}, here it is {here!r}"
        elif theirs is not None and theirs != mine:
            yield f"{'the manifest is another one' if name == 'manifest' else 'other samples are selected'}"
