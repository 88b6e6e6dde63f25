"""Examples in docstrings as blocks of code, for the pages that mkdocstrings makes of them (see mkdocs.yml).

Our docstrings are plain sentences with bare doctests below them. Markdown would read `>>>` as a quotation within a
quotation; between fences it is an example, with the answer beneath.
"""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

_EXAMPLE = re.compile(r"^(?P<indent> *)>>> .*(?:\n(?! *$).+)*", re.MULTILINE)


def fenced(text: str) -> str:
    """Return a docstring with its doctests between fences.

    >>> print(fenced("Return twice the number.\\n\\n>>> twice(2)\\n4\\n\\nNever raises."))
    Return twice the number.
    <BLANKLINE>
    ```pycon
    >>> twice(2)
    4
    ```
    <BLANKLINE>
    Never raises.
    """

    def fence(found: re.Match[str]) -> str:
        indent = found["indent"]
        return f"{indent}```pycon\n{found[0]}\n{indent}```"

    return _EXAMPLE.sub(fence, text)


class DoctestBlocks(Extension):
    """Fences the doctests of every object that is read."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Put the examples of an object's docstring between fences."""
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)
