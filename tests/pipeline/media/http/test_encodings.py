from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.media.http.encodings import BodyError, decoded
from pipeline.model.outcomes import Outcome

PICTURE = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 4
BROTLI = b"\x1b\xff\x03\x00\xf8\x8d\xd4\x66\x9a\x51\x00\x13" * 9
"""Bytes as a compressor leaves them: no picture and no text."""


def signed(body: bytes, size: int = 300) -> bytes:
    """A body in the signed chunks of an upload to S3."""
    parts = [body[at : at + size] for at in range(0, len(body), size)] + [b""]
    return b"".join(b"%x;chunk-signature=%064d\r\n%s\r\n" % (len(part), 7, part) for part in parts)


@pytest.mark.parametrize(
    "name",
    [
        "aws-chunked", "none", "binary", "utf-8", "UTF-8", "br", "zstd", "compress", "identity", "gzip", "x-gzip",
        "deflate", "gzip, aws-chunked", "aws-chunked,gzip", "br, gzip", "8bit", "image/jpeg", ", ,", "base64",
        "a, b, c, d, e, f",
    ],
)  # fmt: skip
def test_a_picture_is_taken_as_it_is_whatever_it_is_called(name: str) -> None:
    assert decoded(PICTURE, name, 10_000) == PICTURE


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("gzip", gzip.compress(PICTURE)),
        ("GZIP", gzip.compress(PICTURE)),
        ("deflate", zlib.compress(PICTURE)),
        ("deflate", zlib.compress(PICTURE)[2:-4]),
        ("gzip, aws-chunked", gzip.compress(PICTURE)),
        ("aws-chunked, gzip", gzip.compress(PICTURE)),
        ("utf-8, gzip", gzip.compress(PICTURE)),
        ("gzip, none", gzip.compress(PICTURE)),
        ("gzip, gzip", gzip.compress(gzip.compress(PICTURE))),
        ("gzip", gzip.compress(PICTURE[:200]) + gzip.compress(PICTURE[200:])),
        ("gzip", gzip.compress(PICTURE) + bytes(9)),
        ("deflate, gzip", gzip.compress(zlib.compress(PICTURE))),
        ("aws-chunked", signed(PICTURE)),
        ("gzip, aws-chunked", signed(gzip.compress(PICTURE))),
    ],
)
def test_an_encoding_that_was_applied_is_undone(name: str, body: bytes) -> None:
    assert decoded(body, name, 10_000) == PICTURE


@pytest.mark.parametrize("name", ["br", "zstd", "compress", "br, gzip", "none", "a, b, c, d, e, f"])
def test_an_encoding_that_cannot_be_undone_is_named(name: str) -> None:
    with pytest.raises(BodyError, match="was not asked for, and cannot be undone") as caught:
        decoded(BROTLI, name, 10_000)
    assert (caught.value.outcome, caught.value.again) == (Outcome.HTTP_ERROR, False)
    assert name[:20] in str(caught.value)


@pytest.mark.parametrize("cut", [-1, -20, 400, 90])
def test_signed_chunks_that_are_damaged_are_corrupt(cut: int) -> None:
    with pytest.raises(BodyError) as caught:
        decoded(signed(PICTURE)[:cut].replace(b"\r\n\xff", b"\r\n\xff"), "aws-chunked", 10_000)
    assert caught.value.outcome is Outcome.CORRUPT


def test_what_is_no_picture_and_was_not_encoded_is_left_to_those_who_look_at_it() -> None:
    for name in ("gzip", "aws-chunked", ""):
        assert decoded(b"<!doctype html>", name, 100) == b"<!doctype html>"


def test_a_bomb_stops_at_the_cap_in_every_layer() -> None:
    bomb = gzip.compress(bytes(1_000_000))
    held: list[int] = []
    for name, body in (("gzip", bomb), ("gzip, gzip", gzip.compress(bomb)), ("deflate", zlib.compress(bytes(1 << 20)))):
        with pytest.raises(BodyError) as caught:
            decoded(body, name, 100_000, held.append)
        assert caught.value.outcome is Outcome.TOO_LARGE
    assert decoded(bomb, "gzip", 1000, text=True) == bytes(1000)


def test_a_text_is_known_as_one() -> None:
    rules = b"User-agent: *\nDisallow: /K\xfcste\n"
    for name in ("utf-8", "none", "br", "gzip"):
        assert decoded(rules, name, 1000, text=True) == rules
    assert decoded(gzip.compress(rules), "gzip", 1000, text=True) == rules
    with pytest.raises(BodyError):
        decoded(BROTLI, "br", 1000, text=True)


@given(st.binary(max_size=200), st.text(st.sampled_from("gzipdeflatbrwschunk, -"), max_size=30), st.booleans())
def test_whatever_bytes_and_words_are_there_is_a_body_or_an_outcome(body: bytes, words: str, text: bool) -> None:
    try:
        assert isinstance(decoded(body, words, 1000, text=text), bytes)
    except BodyError as error:
        assert error.outcome in (Outcome.TOO_LARGE, Outcome.SHORT_BODY, Outcome.CORRUPT, Outcome.HTTP_ERROR)
