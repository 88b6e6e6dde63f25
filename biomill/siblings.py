"""The packages that lie beside this one, and what a person is told where something else has taken their place."""

from __future__ import annotations

import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

SIBLINGS = ("manifests", "taxonomy", "dedup", "pipeline")
"""In the order in which they import each other."""
ROOT = Path(__file__).resolve().parents[1]


class ShadowedError(ImportError):
    """A package of Biomill cannot be imported: another one of its name comes first, or it is not installed."""


@cache
def check_siblings() -> None:
    """Raise ShadowedError unless each of `SIBLINGS` is the package that was installed beside this one.

    A file or folder of a user's own that is called as one of them would be imported in its place, and fail in a way
    that says nothing of the cause. Nothing is imported to find out.

    >>> check_siblings()
    """
    for name in SIBLINGS:
        ours, found = ROOT / name / "__init__.py", _origin(name)
        if found is None:
            raise ShadowedError(
                f"Biomill's package {name!r} is missing at {ours.parent}: install Biomill again, whole", name=name
            )
        if found != ours:
            raise ShadowedError(
                f"{_shown(found)} stands in the place of Biomill's package {name!r} ({ours.parent}): "
                f"rename it, or {_otherwise(found)}",
                name=name,
                path=str(found),
            )


def _origin(name: str) -> Path | None:
    """Return the file by which Python imports a name; that of a folder without one is the folder."""
    loaded = sys.modules.get(name)
    spec = find_spec(name) if loaded is None else getattr(loaded, "__spec__", None)
    if spec is None:
        file = getattr(loaded, "__file__", None)
        return Path(file).resolve() if file else None
    if spec.origin is None or not spec.has_location:
        places = list(spec.submodule_search_locations or ())
        return Path(places[0]).resolve() if places else Path(str(spec.origin))
    return Path(spec.origin).resolve()


def _shown(found: Path) -> Path:
    """Return the folder of a package, or the file of a module."""
    return found.parent if found.name == "__init__.py" else found


def _otherwise(found: Path) -> str:
    """Return what else lets Python find ours."""
    there = _shown(found).parent
    first = Path(sys.path[0] or ".").resolve() if sys.path else None
    if there == first and not sys.flags.safe_path:
        return f"start Python with -P, which keeps it from looking in {there} first"
    return f"take {there} out of PYTHONPATH and sys.path"
