"""Errors of Biomill as JSON, so that they cross processes and machines whole: the class, its fields, its attributes.

JSON and not pickle, because what is read back may come from a folder that others can write to: it makes objects of
known error classes, and runs nothing.
"""

from __future__ import annotations

import base64
import importlib
import sys
from pathlib import PurePath
from typing import Any

from manifests.errors import BiomillError
from pipeline.model.errors import PipelineError

_OURS = ("biomill", "manifests", "taxonomy", "dedup", "pipeline")


def error_to_json(error: BaseException) -> dict[str, Any]:
    """Return an error as JSON: of Biomill's own with all that it holds, of any other its class and words.

    >>> error_to_json(KeyError("a"))
    {'foreign': 'KeyError', 'message': "'a'"}
    """
    if not isinstance(error, BiomillError):
        return {"foreign": type(error).__qualname__, "message": str(error)}
    kinds = [kind for kind in type(error).__mro__ if issubclass(kind, BiomillError)]
    state = {name: value for name, value in vars(error).items() if name != "__notes__"}
    return {
        "kinds": [f"{kind.__module__}:{kind.__qualname__}" for kind in kinds],
        "args": _packed(error.args),
        "state": _packed(state),
    }


def error_from_json(value: dict[str, Any], label: str) -> BiomillError:
    r"""Return the error that `error_to_json` was given, as a new object; one that is not Biomill's as PipelineError.

    A class that this process does not have comes back as the nearest of its bases that it has. `label`: the stage.

    >>> error = error_from_json(error_to_json(PipelineError("broken", where="a\nb", remedy="mend it")), "fetch")
    >>> type(error).__name__, error.where, error.remedy
    ('PipelineError', 'a\nb', 'mend it')
    >>> print(error_from_json({"foreign": "KeyError", "message": "'a'"}, "fetch").what)
    stage 'fetch' failed: KeyError: 'a'
    """
    if "foreign" in value:
        return failed(label, f"{value['foreign']}: {value['message']}")
    args, state = _unpacked(value["args"]), _unpacked(value["state"])
    kind = next(filter(None, map(_class_of, value["kinds"])), PipelineError)
    # As pickling does, but without calling __init__, whose arguments may be others than `args`.
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


def failed(label: str, why: str) -> PipelineError:
    """Return the error of a stage that failed in a way that Biomill has no words of its own for."""
    return PipelineError(
        f"stage {label!r} failed: {why[:500]}",
        remedy="run again with --debug for the whole traceback; finished work units are kept",
    )


def _class_of(name: str) -> type[BiomillError] | None:
    module, _, path = name.partition(":")
    try:
        found: Any = sys.modules.get(module)
        if found is None and module.partition(".")[0] in _OURS:
            found = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError):  # it is a class of another version, or of a script that is not ours
        return None
    return found if isinstance(found, type) and issubclass(found, BiomillError) else None


def _packed(value: Any) -> Any:
    """Return a value of an error as JSON; what has no form in JSON is kept with its class."""
    if value is None or isinstance(value, bool | str) or type(value) in (int, float):
        return value
    if isinstance(value, list):
        return [_packed(each) for each in value]
    if isinstance(value, tuple | set | frozenset):
        kind = next(kind for kind in (tuple, set, frozenset) if isinstance(value, kind))
        return {"as": kind.__name__, "value": [_packed(each) for each in value]}
    if isinstance(value, dict):
        return {"as": "dict", "value": [[_packed(key), _packed(each)] for key, each in value.items()]}
    if isinstance(value, bytes):
        return {"as": "bytes", "value": base64.b64encode(value).decode()}
    if isinstance(value, BiomillError):
        return {"as": "error", "value": error_to_json(value)}
    if isinstance(value, PurePath):
        return {"as": "path", "value": str(value)}
    return repr(value)


def _unpacked(value: Any) -> Any:
    if isinstance(value, list):
        return [_unpacked(each) for each in value]
    if not isinstance(value, dict):
        return value
    kind, inner = value["as"], value["value"]
    if kind == "bytes":
        return base64.b64decode(inner)
    if kind == "error":
        return error_from_json(inner, "")
    if kind == "path":
        from pathlib import Path

        return Path(inner)
    if kind == "dict":
        return {_unpacked(key): _unpacked(each) for key, each in inner}
    return {"tuple": tuple, "set": set, "frozenset": frozenset}[kind](map(_unpacked, inner))
