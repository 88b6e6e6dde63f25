from __future__ import annotations

import io
from collections.abc import Callable
from http.client import HTTPException, IncompleteRead, RemoteDisconnected

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.media.http.framing import Chunks, Framing, framing_of, unchunked
from pipeline.media.http.heads import MAX_INTERIM, CutError, FramingError, Head, read_head

OK = b"HTTP/1.1 200 OK\r\n"


def framed(*lines: bytes, status: bytes = OK) -> Framing:
    return framing_of(read_head(io.BytesIO(status + b"".join(line + b"\r\n" for line in lines) + b"\r\n")))


@pytest.mark.parametrize(
    ("lines", "framing"),
    [
        ((b"Content-Length: 5",), Framing(length=5)),
        ((b"content-length:5\t ",), Framing(length=5)),
        ((b"Content-Length: 5", b"Content-Length: 05"), Framing(length=5)),
        ((b"Content-Length: " + b"9" * 400,), Framing(length=10**18)),
        ((b"Transfer-Encoding: chunked",), Framing(chunked=True)),
        ((b"TRANSFER-ENCODING:\tChunked",), Framing(chunked=True)),
        ((b"Transfer-Encoding: chunked", b"Content-Length: 5"), Framing(chunked=True, lasting=False)),
        ((b"Transfer-Encoding: identity", b"Content-Length: 5"), Framing(length=5, lasting=False)),
        ((b"Content-Length: 5", b"Connection: x, Close"), Framing(length=5, lasting=False)),
        ((b"Content-Length: 5", b"no field"), Framing(length=5, lasting=False)),
        ((b"Server: x",), Framing(lasting=False)),
        ((), Framing(lasting=False)),
    ],
)
def test_the_end_of_a_body_is_found_as_the_rfc_says(lines: tuple[bytes, ...], framing: Framing) -> None:
    assert framed(*lines) == framing


@pytest.mark.parametrize(
    "lines",
    [
        (b"Content-Length: -5",),
        (b"Content-Length: +5",),
        (b"Content-Length: 5_0",),
        (b"Content-Length: \xb2",),
        (b"Content-Length:",),
        (b"Content-Length: 5, 6",),
        (b"Content-Length: 5", b"Content-Length: 6"),
        (b"Content-Length : 5",),
        (b"Content-Length 5",),
        (b"Content-Length\0: 5",),
        (b"Transfer-Encoding: gzip, chunked",),
        (b"Transfer-Encoding: chunked, chunked",),
        (b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
        (b"Transfer-Encoding: xchunked",),
        (b"Transfer-Encoding:",),
        (b"Transfer-Encoding: chunked\0",),
        (b"Con\0tent-Length: 5",),
        (b"Content-Length:", b" 5"),
        (b"Transfer-Encoding: chunked", b"\t, gzip"),
        (b"Trans\xfffer-Encoding: chunked",),
        (b"X: " + b"y" * 70_000, b"Content-Length: 5"),
        (*[b"X: y"] * 300, b"Content-Length: 5"),
    ],
)
def test_framing_that_can_mean_two_things_means_none(lines: tuple[bytes, ...]) -> None:
    with pytest.raises(FramingError):
        framed(*lines)


def test_answers_of_http_1_0_last_only_where_they_say_so() -> None:
    old = b"HTTP/1.0 200 OK\r\n"
    assert not framed(b"Content-Length: 5", status=old).lasting
    assert framed(b"Content-Length: 5", b"Connection: Keep-Alive", status=old).lasting
    assert framed(b"Transfer-Encoding: chunked", b"Connection: keep-alive", status=old) == Framing(True, None, False)


@pytest.mark.parametrize("status", [b"HTTP/1.1 204 No Content\r\n", b"HTTP/1.1 304 Not Modified\r\n"])
def test_some_answers_have_no_body_whatever_they_say_of_it(status: bytes) -> None:
    assert framed(b"Content-Length: 5", status=status) == Framing(length=0)
    assert framed(b"Transfer-Encoding: chunked", status=status) == Framing(length=0, lasting=False)


@pytest.mark.parametrize("code", [code for code in range(100, 200) if code != 101])
def test_every_interim_answer_is_read_over(code: int) -> None:
    interim = b"HTTP/1.1 %d Wait\r\nContent-Length: 9\r\n\r\n" % code
    assert read_head(io.BytesIO(interim * MAX_INTERIM + OK + b"\r\n")).status == 200
    with pytest.raises(FramingError, match="interim"):
        read_head(io.BytesIO(interim * (MAX_INTERIM + 1) + OK + b"\r\n"))


def test_nobody_asked_for_another_protocol() -> None:
    with pytest.raises(FramingError, match="101"):
        read_head(io.BytesIO(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n" + OK + b"\r\n"))


@pytest.mark.parametrize("length", range(len(OK) + 12))
def test_a_head_that_breaks_off_is_a_cut_connection(length: int) -> None:
    head = OK + b"Server: x\r\n\r\n"
    with pytest.raises(ConnectionResetError) as caught:
        read_head(io.BytesIO(head[:length]))
    assert isinstance(caught.value, RemoteDisconnected if length == 0 else CutError)


def test_header_lines_are_not_split_where_the_host_did_not_split_them() -> None:
    head = read_head(io.BytesIO(OK + b"A: b\x85Content-Length: 5\r\nB: c\x1dTransfer-Encoding: chunked\r\n\r\n"))
    assert [name for name, _ in head.fields] == ["A", "B"]
    assert head.values("content-length") == head.values("transfer-encoding") == []


@given(st.binary(max_size=300), st.sampled_from([b"", OK, OK + b"Content-Length: 5\r\n", b"HTTP/1.1 103 x\r\n\r\n"]))
def test_whatever_a_head_is_it_is_read_or_refused(text: bytes, start: bytes) -> None:
    try:
        head = read_head(io.BytesIO(start + text))
        assert isinstance(framing_of(head), Framing)
    except (FramingError, ConnectionResetError):
        pass


def chunk(part: bytes, extension: bytes = b"") -> bytes:
    return b"%x%s\r\n%s\r\n" % (len(part), extension, part)


@given(
    st.lists(st.binary(min_size=1, max_size=99), max_size=9),
    st.sampled_from([b"", b";a", b' ;a="b"', b"  "]),
    st.sampled_from([b"", b"Digest: x\r\n", b"A: b\r\nC:\r\n"]),
    st.sampled_from(["read", "read1"]),
    st.integers(1, 200),
    st.binary(max_size=9),
)
def test_chunks_give_their_bytes_and_leave_what_lies_behind(
    parts: list[bytes], extension: bytes, trailers: bytes, way: str, size: int, behind: bytes
) -> None:
    stream = io.BytesIO(b"".join(chunk(part, extension) for part in parts) + b"0\r\n" + trailers + b"\r\n" + behind)
    chunks = Chunks(io.BufferedReader(stream))
    body = b"".join(iter(lambda: getattr(chunks, way)(size), b""))
    assert (body, chunks.ended, chunks.tidy) == (b"".join(parts), True, True)
    assert chunks._stream.read(99) == behind


@given(st.lists(st.binary(min_size=1, max_size=9), min_size=1, max_size=4), st.data())
def test_chunks_that_break_off_are_never_a_body(parts: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(map(chunk, parts)) + b"0\r\n"
    cut = data.draw(st.integers(0, len(whole) - 1))
    chunks = Chunks(io.BytesIO(whole[:cut]))
    with pytest.raises(IncompleteRead):
        chunks.read(1000)


@pytest.mark.parametrize(
    "size",
    [b"-5", b"+5", b"5_0", b"0x5", b" 5", b"", b"g", b"5 5", b"\xb2", b"f" * 17, b"5\n", b"5\r", b"5,a", b"1" * 70_000],
)
def test_a_chunk_size_is_hexadecimal_digits_and_nothing_else(size: bytes) -> None:
    with pytest.raises((FramingError, IncompleteRead)):
        Chunks(io.BytesIO(size + b"\r\n" + b"x" * 99)).read(1000)


@pytest.mark.parametrize("mark", [b"", b"\n", b"\r", b"xx", b"\n\r", b"\0\0"])
def test_a_chunk_ends_with_the_end_of_a_line(mark: bytes) -> None:
    with pytest.raises((FramingError, IncompleteRead)):
        Chunks(io.BytesIO(b"3\r\nabc" + mark + b"0\r\n\r\n")).read(1000)


def test_framing_may_not_outweigh_the_body_for_long() -> None:
    few = b"1\r\nx\r\n" * 10_000
    assert len(Chunks(io.BytesIO(few + b"0\r\n\r\n")).read(99_999)) == 10_000
    for many in (b"1\r\nx\r\n" * 30_000, (b"1;" + b"a" * 9000 + b"\r\nx\r\n") * 20):
        with pytest.raises(FramingError, match="more framing than body"):
            Chunks(io.BytesIO(many + b"0\r\n\r\n")).read(99_999)


@pytest.mark.parametrize(
    "end", [b"0\r\n\r\nx", b"0\r\n", b"0\r\nHTTP/1.1 200 OK\r\n\r\n", b"", b"0\r\n" + b"A: b\r\n" * 300 + b"\r\n"]
)
def test_chunked_text_with_anything_but_its_end_behind_it_is_not_undone(end: bytes) -> None:
    with pytest.raises(HTTPException):
        unchunked(b"3\r\nabc\r\n" + end)


def test_a_head_is_known_by_its_values() -> None:
    head = Head(1, 200, "OK", (("Connection", "A, b"), ("connection", "C ")))
    assert head.tokens("connection") == ["a", "b", "c"]


def test_words_of_a_refusal_are_the_same_in_every_run() -> None:
    def words(text: bytes) -> str:
        with pytest.raises(FramingError) as caught:
            read_head(io.BytesIO(text))
        return str(caught.value)

    asked: Callable[[bytes], str] = words
    assert asked(b"\xff\xd8\xff\xe0" * 99 + b"\r\n") == asked(b"\xff\xd8\xff\xe0" * 99 + b"\r\n")
    assert len(asked(b"x" * 5000 + b"\r\n")) < 200
