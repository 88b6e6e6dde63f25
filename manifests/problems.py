"""Everything that is wrong with a recipe, gathered before any of it is told, so that one look mends it all."""

from __future__ import annotations

from collections.abc import Sequence

from manifests.errors import RecipeError
from manifests.places import KeyPath, Places, prefixes


class RecipeErrors(RecipeError):
    """Several errors of one recipe, in the order in which they stand in it.

    >>> print(RecipeErrors("a.toml", [RecipeError("no name", "a.toml"), RecipeError("no path", "a.toml, line 3")]))
    2 errors in a.toml
    <BLANKLINE>
    no name
      where:  a.toml
    <BLANKLINE>
    no path
      where:  a.toml, line 3
    """

    def __init__(self, file: str, errors: Sequence[RecipeError]) -> None:
        super().__init__(f"{len(errors)} errors in {file}")
        self.args = (file, tuple(errors))  # what pickling calls this with
        self.errors = tuple(errors)

    def __str__(self) -> str:
        return "\n\n".join([self.what, *map(str, self.errors)])


class Problems:
    """What is wrong so far, and which keys it spoils for the checks that follow."""

    def __init__(self, places: Places, overrides: Sequence[str] = ()) -> None:
        """`overrides`: the places that `--set` gives, in their order."""
        self.places = places
        self._overrides = tuple(overrides)
        self._found: list[tuple[int, int, int, RecipeError]] = []
        self._spoilt: set[KeyPath] = set()

    def add(
        self,
        path: KeyPath,
        what: str,
        expected: str = "",
        remedy: str = "",
        others: tuple[KeyPath, ...] = (),
        aside: str = "",
    ) -> None:
        """Note what is wrong with a key; no later check looks at it again. `aside` is said behind the place."""
        self._spoilt.add(path)
        error = RecipeError(what, self.places.where(path, *others) + aside, expected, remedy)
        self.note(error, self.places.line(path))

    def note(self, error: RecipeError, line: int = 0) -> None:
        """Note an error that is known whole, at a line of the file or by the override that it names."""
        if isinstance(error, RecipeErrors):
            for each in error.errors:
                self.note(each, line)
            return
        of_override = error.where in self._overrides
        order = self._overrides.index(error.where) if of_override else line
        self._found.append((int(of_override), order, len(self._found), error))

    def spoil(self, path: KeyPath) -> None:
        """Let no later check look at a key, because another error speaks for it."""
        self._spoilt.add(path)

    def spoilt(self, *paths: KeyPath) -> bool:
        """Return whether one of the keys, or a table that holds it, is known to be wrong."""
        return any(prefix in self._spoilt for path in paths for prefix in (*prefixes(path), ()))

    def within(self, path: KeyPath) -> bool:
        """Return whether a key, or something in it, is known to be wrong."""
        return self.spoilt(path) or any(spoilt[: len(path)] == path for spoilt in self._spoilt)

    def refuse(self) -> None:
        """Raise what was found: nothing, one RecipeError, or RecipeErrors by line, those of overrides last."""
        errors = [error for *_, error in sorted(self._found, key=lambda found: found[:3])]
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise RecipeErrors(self.places.file, errors)
