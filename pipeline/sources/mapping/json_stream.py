"""JSON documents of any size, one array element at a time.

A document is a list, or an object some of whose values are lists: the API's pages and COCO exports are both. Only one
element is in memory at a time, whatever the file's size.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from pipeline.model.errors import SourceError

MAX_ELEMENT_CHARACTERS = 64 << 20
"""More text in one element than any image record has."""
_CHUNK = 1 << 20
_SPACE = " \t\n\r"


def iterate_elements(stream: BinaryIO, where: str) -> Iterator[tuple[str, Any]]:
    """Yield (key, element) for every element of the document's lists; the key of a document that is a list is ''.

    Members of the document that are no lists are passed over. Numbers beyond JSON (NaN, Infinity) are None.
    Raises SourceError when the text is no JSON, breaks off, has two lists of one name, or an element beyond the cap.

    >>> import io
    >>> list(iterate_elements(io.BytesIO(b'{"a": 1, "images": [{"id": 7}, 8]}'), "x.json"))
    [('images', {'id': 7}), ('images', 8)]
    """
    reader = _Reader(stream, where)
    first = reader.peek()
    if first == "[":
        yield from (("", element) for element in reader.elements())
    elif first == "{":
        reader.take("{")
        lists: set[str] = set()
        while reader.peek() != "}":
            key = reader.value()
            reader.take(":")
            if reader.peek() == "[":
                # RFC 8259, section 4: which of two members of one name counts, differs from one reader to the next.
                if str(key) in lists:
                    raise reader.error(f"two lists of the name {str(key)[:100]!r}")
                lists.add(str(key))
                yield from ((str(key), element) for element in reader.elements())
            else:
                reader.value()
            if reader.peek() != ",":
                break
            reader.take(",")
        reader.take("}")
    else:
        raise reader.error("neither a list nor an object")
    if reader.peek():
        raise reader.error("text behind the end of the document")


class _Reader:
    """A window over the text, from which values are taken at its start."""

    def __init__(self, stream: BinaryIO, where: str) -> None:
        self._stream, self._where = stream, where
        self._decode = codecs.getincrementaldecoder("utf-8-sig")()
        self._json = json.JSONDecoder(parse_constant=lambda _: None)
        self._text, self._at, self._ended, self._before = "", 0, False, 0

    def error(self, what: str) -> SourceError:
        return SourceError(
            f"the file is no JSON that can be read: {what}",
            where=f"{self._where}, character {self._before + self._at}",
            expected="a list, or an object of lists, in UTF-8",
            remedy="fetch the file again and compare its size with the provider's",
        )

    def _more(self) -> bool:
        if self._ended:
            return False
        block = self._stream.read(max(_CHUNK, len(self._text) - self._at))
        self._ended = not block
        try:
            added = self._decode.decode(block, final=self._ended)
        except UnicodeDecodeError as error:
            raise self.error(f"it is not in UTF-8: {error.reason}") from error
        self._before += self._at
        self._text, self._at = self._text[self._at :] + added, 0
        return True

    def peek(self) -> str:
        while True:
            while self._at < len(self._text) and self._text[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def take(self, mark: str) -> None:
        if self.peek() != mark:
            raise self.error(f"{mark!r} was expected")
        self._at += 1

    def value(self) -> Any:
        self.peek()
        while True:
            try:
                value, end = self._json.raw_decode(self._text, self._at)
            except ValueError as error:
                # The value may only be cut by the window's end.
                reason = str(error)
            except RecursionError as error:
                raise self.error("it is nested too deeply") from error
            else:
                # A number or literal at the window's end may go on behind it.
                if end < len(self._text) or isinstance(value, (dict, list, str)) or not self._more():
                    self._at = end
                    return value
                continue
            if len(self._text) - self._at > MAX_ELEMENT_CHARACTERS:
                raise self.error(f"an element is longer than {MAX_ELEMENT_CHARACTERS} characters, or broken: {reason}")
            if not self._more():
                raise self.error(reason)

    def elements(self) -> Iterator[Any]:
        self.take("[")
        while self.peek() != "]":
            yield self.value()
            if self.peek() != ",":
                break
            self.take(",")
        self.take("]")
