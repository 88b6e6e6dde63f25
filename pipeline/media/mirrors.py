"""Mirrors: media that somebody already holds, found by the beginning of their URL."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from urllib.parse import unquote

from manifests.errors import RecipeError
from pipeline.media.stores import MediaStore, Take, open_store
from pipeline.model.fetched import Fetched
from pipeline.model.outcomes import Outcome


class Mirrors:
    """The recipe's `mirrors`, opened; a context manager.

    What follows the prefix, without query and fragment, is the path inside the store. A medium that the store does not
    hold is asked of its host. Raises RecipeError for a rule that cannot be read, SourceError for an absent store.

    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "1 a.jpg").write_bytes(b"abc")
    >>> with Mirrors([f"https://example.org/photos/={folder}"]) as mirrors:
    ...     mirrors.read("https://example.org/photos/1%20a.jpg?size=large", 100).data
    ...     mirrors.read("https://example.org/photos/2.jpg", 100) is None
    b'abc'
    True
    """

    def __init__(self, rules: Sequence[str]) -> None:
        self._stores: list[tuple[str, MediaStore]] = []
        for rule in rules:
            prefix, equals, path = rule.partition("=")
            if not (prefix and equals and path):
                raise RecipeError(
                    f"mirror {rule!r} cannot be read", expected="'https://host/prefix/=store'", remedy="correct it"
                )
            self._stores.append((prefix, open_store(path)))
        # The longest prefix speaks, whatever the order in which they are written.
        self._stores.sort(key=lambda pair: (-len(pair[0]), pair[0]))

    def __enter__(self) -> Mirrors:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _, store in self._stores:
            store.close()

    @property
    def remote(self) -> bool:
        """Whether a read may wait for a network, so that several at a time are worth while."""
        return any(store.remote for _, store in self._stores)

    def read(self, url: str, max_bytes: int, take: Take | None = None) -> Fetched | None:
        """Return the medium from the mirror of its URL; None when no mirror holds it."""
        for prefix, store in self._stores:
            if url.startswith(prefix):
                path = url[len(prefix) :].partition("#")[0].partition("?")[0]
                held = store.read(unquote(path).lstrip("/"), max_bytes, take)
                return None if held.outcome is Outcome.MISSING_FILE else held
        return None
