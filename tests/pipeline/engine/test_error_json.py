"""Every error of Biomill comes back from JSON as it was."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import dedup
import manifests
import pipeline
import taxonomy
from manifests.errors import BiomillError, RecipeError
from manifests.problems import RecipeErrors
from pipeline.engine.error_json import error_from_json, error_to_json
from pipeline.model.errors import PipelineError, StorageError
from pipeline.pull.pull_errors import TransientError

ODD = "a \"quoted\"\nline, l'autre,\t\\n \x00 Größe 蝶 \ud800 [while running 'x']"


def classes_with_errors() -> Iterator[type[BiomillError]]:
    for package in (manifests, taxonomy, dedup, pipeline):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name.rpartition(".")[2] in ("errors", "problems"):
                importlib.import_module(module.name)
    waiting = [BiomillError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if not kind.__module__.startswith("tests"):
            yield kind


def back(error: BaseException) -> BiomillError:
    return error_from_json(json.loads(json.dumps(error_to_json(error))), "fetch")


def test_every_class_of_the_tree_comes_back_with_its_fields() -> None:
    kinds = set(classes_with_errors())
    assert len(kinds) > 15
    for kind in kinds:
        error = kind.__new__(kind)
        BiomillError.__init__(error, ODD, ODD + "where", ODD + "expected", ODD + "remedy")
        found = back(error)
        assert type(found) is kind
        assert vars(found) == vars(error)
        assert found.args == error.args


class WiderError(StorageError):
    def __init__(self, what: str, numbers: dict[int, tuple[str, ...]], path: Path) -> None:
        super().__init__(what, where=str(path))
        self.numbers, self.path, self.names = numbers, path, {"a", "b"}


def test_more_attributes_and_errors_within_errors_come_back() -> None:
    wider = WiderError(ODD, {1: ("a", "b"), 2: ()}, Path("/x/y"))
    found = back(wider)
    assert isinstance(found, WiderError)
    assert vars(found) == vars(wider)
    slow = back(TransientError("slow", where="a.org", delay=2.5, refused=True))
    assert isinstance(slow, TransientError)
    assert (slow.delay, slow.refused, slow.args) == (2.5, True, ("slow", "a.org", 2.5, True))
    both = RecipeErrors("a.toml", [RecipeError("no name", "a.toml"), RecipeError(ODD, remedy="mend")])
    again = back(both)
    assert isinstance(again, RecipeErrors)
    assert str(again) == str(both)
    assert [type(each) for each in again.errors] == [RecipeError, RecipeError]


def test_a_class_that_is_not_here_comes_back_as_its_nearest_base() -> None:
    told = error_to_json(WiderError("full", {}, Path("/x")))
    told["kinds"][0] = "no_such_module:WiderError"
    found = error_from_json(told, "fetch")
    assert type(found) is StorageError
    assert (found.what, found.where) == ("full", "/x")


@pytest.mark.parametrize(
    "name", ["os:system", "builtins:SystemExit", "pipeline.engine.processes:serve", "antigravity:x"]
)
def test_only_error_classes_are_made_of_what_is_read(name: str) -> None:
    told = error_to_json(StorageError("full")) | {"kinds": [name]}
    assert type(error_from_json(told, "fetch")) is PipelineError


def test_an_error_that_is_not_ours_is_told_with_its_class_and_words() -> None:
    found = back(FileNotFoundError(2, "No such file", "/x"))
    assert type(found) is PipelineError
    assert found.what == "stage 'fetch' failed: FileNotFoundError: [Errno 2] No such file: '/x'"
    assert "--debug" in found.remedy
