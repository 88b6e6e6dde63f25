"""A stage that reads lists which people wrote: they are digested, published, and taken where a machine lacks them."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manifests import Recipe, RecipePath, with_paths
from manifests.paths import as_given
from pipeline.stages.base import Context, Stage
from pipeline.storage.places.published import taken

if TYPE_CHECKING:
    from pipeline.storage.places.publisher import Publisher


class ListStage(Stage):
    """A stage whose own inputs are the files that `lists` names; no unit reads them."""

    @abstractmethod
    def lists(self, recipe: Recipe) -> Mapping[str, tuple[str, ...]]:
        """Return the files that a recipe names for this stage, by what they are."""

    def inputs(self, context: Context) -> dict[str, str]:
        """Digest the lists."""
        return context.digests({name: [Path(path) for path in paths] for name, paths in self._named(context)})

    def paths(self, recipe: Recipe) -> list[str]:
        """Return the lists."""
        return [path for paths in self.lists(recipe).values() for path in paths]

    def keep(self, context: Context, publisher: Publisher) -> dict[str, Any]:
        """Publish the lists, as a machine that goes on may lack them."""
        return {name: [publisher.file(Path(path)).text() for path in paths] for name, paths in self._named(context)}

    def take(self, context: Context) -> Context:
        """Take copies of the lists."""
        here = {
            path: RecipePath(str(taken(text)), as_given(path))
            for name, paths in self._named(context)
            for text, path in zip(self.kept[name], paths, strict=True)
        }
        return dataclasses.replace(context, recipe=with_paths(context.recipe, lambda path: here.get(path, path)))

    def _named(self, context: Context) -> list[tuple[str, tuple[str, ...]]]:
        return list(self.lists(context.recipe).items())
