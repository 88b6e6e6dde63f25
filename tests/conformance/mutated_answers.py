"""The real client over keep-alive connections, against a server whose answers are valid but for one mutation.

`python -m tests.conformance.mutated_answers --exchanges 100000` prints how often every kind was reached, how many
bodies were wrong, and how many exchanges ended the client. Wrong is: a body under another URL, one that framing says
is cut or goes on, and a good answer that was not understood.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import socket
import ssl
import struct
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import h11

from manifests.recipe import FetchRules
from pipeline.media.fetcher import Fetcher
from pipeline.media.http.asking import Asker
from pipeline.media.http.budget import ByteBudget
from pipeline.media.http.guards import Routes, to_uri
from pipeline.media.http.limits import HostLimits
from tests.conformance.answer_mutations import Plan, head, plan
from tests.real_input.certificates import certify

HOST = "mutated.example.org"
HOSTS = 31
ATTEMPTS = 3
_FIELD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*")
_BLANK = re.compile(rb"\r?\n\r?\n")
_RESET = struct.pack("ii", 1, 0)


@dataclass
class Tally:
    """What came of all exchanges."""

    exchanges: int = 0
    requests: int = 0
    reached: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    connections: int = 0
    sent: Counter[int] = field(default_factory=Counter)
    """How often an answer was sent to its last byte, by number."""
    lock: threading.Lock = field(default_factory=threading.Lock)


def _requests(sock: socket.socket) -> Iterator[bytes]:
    """Yield the path of every request on a connection."""
    held = b""
    while True:
        while b"\r\n\r\n" not in held:
            more = sock.recv(65536)
            if not more:
                return
            held += more
        start, _, held = held.partition(b"\r\n\r\n")
        yield start.split(b" ", 2)[1]


def _answer(sock: socket.socket, wanted: Plan) -> bool:
    """Send one answer; whether the connection stays open."""
    for part in wanted.parts:
        if isinstance(part, float):
            time.sleep(part)
        else:
            sock.sendall(part)
    if wanted.end == "rst":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    return wanted.end == "open"


@contextlib.contextmanager
def serving(answers: Callable[[int], Plan], tally: Tally, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serve /N with the answer to N; give the port."""
    server = socket.create_server(("127.0.0.1", 0), backlog=128)

    def connection(sock: socket.socket) -> None:
        with contextlib.suppress(OSError), sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with context.wrap_socket(sock, server_side=True) if context else sock as talk:
                for path in _requests(talk):
                    if not path[1:].isdigit():  # where redirects lead
                        talk.sendall(head(b"Content-Length: 0", status=b"HTTP/1.1 404 Not Found"))
                        continue
                    wanted = answers(int(path[1:]))
                    with tally.lock:
                        tally.requests += 1
                        tally.reached.update(wanted.reached)
                    stays = _answer(talk, wanted)
                    with tally.lock:
                        tally.sent[int(path[1:])] += 1
                    if not stays:
                        if context is not None and wanted.end == "fin":
                            talk.unwrap()  # type: ignore[attr-defined]
                        return

    def accept() -> None:
        while True:
            try:
                sock = server.accept()[0]
            except OSError:
                return
            with tally.lock:
                tally.connections += 1
            threading.Thread(target=connection, args=(sock,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server.getsockname()[1]
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def meaning(wire: bytes) -> bytes | None:
    """Return what an independent parser (h11) reads from bytes and the end behind them; None when it refuses them."""
    reader = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
    reader.send(h11.Request(method="GET", target="/", headers=[("Host", HOST)]))
    reader.send(h11.EndOfMessage())
    body, status = bytearray(), 0
    try:
        reader.receive_data(wire)
        reader.receive_data(b"")
        while True:
            event = reader.next_event()
            if isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                return bytes(body) if 200 <= status < 300 and status not in (204, 206) else None
            elif event in (h11.NEED_DATA, h11.PAUSED) or isinstance(event, h11.ConnectionClosed):
                return None
    except h11.RemoteProtocolError:
        return None


def meanings(wire: bytes) -> set[bytes | None]:
    """Return what may be read from a random answer: h11 is stricter with lines that say nothing of where the body ends.

    It refuses a head for any line that is no field, and a body of which only the last, empty line is missing.
    """
    kept, rest = b"", wire
    while (found := _BLANK.search(rest)) is not None and rest.startswith(b"HTTP/"):
        lines, rest = re.split(rb"\r?\n", rest[: found.start()]), rest[found.end() :]
        kept += (
            b"".join(line + b"\r\n" for line in (b" ".join(lines[0].split()[:2]), *filter(_FIELD.fullmatch, lines[1:])))
            + b"\r\n"
        )
        if not lines[0].split()[1:2] or not lines[0].split()[1].startswith(b"1"):
            break
    spaced = re.sub(rb"(?m)^([0-9A-Fa-f]+)[ \t]+;", rb"\1;", kept + rest)  # a space that RFC 9112 section 7.1.1 allows
    return {meaning(text + end) for text in (wire, kept + rest, spaced) for end in (b"", b"\r\n", b"\n")}


def judge(number: int, wanted: Plan, data: bytes, words: str) -> str:
    """Return what is wrong with what the client made of an answer; empty when nothing is."""
    if not data:
        return f"/{number} {wanted.name}: a good answer was refused: {words}" if wanted.must else ""
    wire = b"".join(part for part in wanted.parts if isinstance(part, bytes))
    right = {wanted.right} if not wanted.oracle else {wanted.right, *meanings(wire)}
    if data in right:
        return ""
    return f"/{number} {wanted.name}: {data[:40]!r} ({len(data)} bytes) accepted of {wire[:200]!r}"


def drive(numbers: range, seed: int, port: int, tally: Tally, scheme: str = "http") -> None:
    """Ask for every number over one keep-alive connection, again when the client says that this may help."""
    rules = FetchRules(
        connect_to=(f"{HOST}=127.0.0.1:{port}",),
        robots=False,
        read_timeout=2.0,
        total_timeout=4.0,
        per_host_connections=1,
    )
    asker = Asker(rules, Routes.of(rules), HostLimits(rules), ByteBudget(1 << 26))
    for number in numbers:
        wanted, data, words = plan(seed, number), b"", ""
        try:
            for asked in range(1, ATTEMPTS + 1):
                answer = asker.ask(to_uri(f"{scheme}://{HOST}/{number}"), 4.0, 1 << 20)
                data, words = answer.fetched.data, f"{answer.fetched.outcome} {answer.fetched.detail}"
                if answer.holder is not None:
                    answer.holder.release()
                until = time.monotonic() + 5
                while wanted.rest and tally.sent[number] < asked and time.monotonic() < until:
                    time.sleep(0.0005)
                if not answer.again:
                    break
            problem = judge(number, wanted, data, words)
            outcome = answer.fetched.outcome.code if answer.fetched.outcome else "redirect" if answer.location else "ok"
        except Exception as error:  # noqa: BLE001 - the client must not let anything through
            with tally.lock:
                tally.ended.append(f"/{number} {wanted.name}: {type(error).__name__}: {error}")
            continue
        with tally.lock:
            tally.exchanges += 1
            tally.outcomes[f"{wanted.name} -> {outcome}"] += 1
            if problem:
                tally.wrong.append(problem)
    asker.close()


def run(exchanges: int, seed: int = 1, threads: int = 4, context: ssl.SSLContext | None = None) -> Tally:
    """Make so many exchanges over `threads` connections at a time; `context`: the server's, for TLS."""
    tally = Tally()
    with serving(lambda number: plan(seed, number), tally, context) as port:
        parts = [range(at * exchanges // threads, (at + 1) * exchanges // threads) for at in range(threads)]
        scheme = "https" if context else "http"
        workers = [threading.Thread(target=drive, args=(part, seed, port, tally, scheme)) for part in parts]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    return tally


def fetch(exchanges: int, seed: int = 1, first: int = 1_000_000) -> Tally:
    """Make so many exchanges through the whole fetcher: its schedule, retries and breakers."""
    tally = Tally()

    def asked(number: int) -> Plan:
        wanted = plan(seed, number)
        # When the next request goes out is the schedule's to say: bytes that come later must not be an answer.
        return plan(seed, number + 1) if wanted.rest else wanted

    with serving(asked, tally) as port:
        rules = FetchRules(
            connect_to=(f"*.{HOST}=127.0.0.1:{port}",),
            robots=False,
            read_timeout=2.0,
            max_retry_after=0.01,
            per_host_rate=100_000.0,
            per_host_connections=2,
            give_up_after=1000,
        )
        # Several hosts, as one that cuts connections again and again is left alone for a while.
        urls = [f"http://{number % HOSTS}.{HOST}/{number}" for number in range(first, first + exchanges)]
        with Fetcher(rules) as fetcher:
            for place, fetched in fetcher.fetch_all(urls):
                wanted = asked(first + place)
                problem = judge(first + place, wanted, fetched.data, f"{fetched.outcome} {fetched.detail}")
                tally.exchanges += 1
                tally.outcomes[f"{wanted.name} -> {fetched.outcome.code if fetched.outcome else 'ok'}"] += 1
                if problem:
                    tally.wrong.append(problem)
    return tally


def certified(folder: Path) -> ssl.SSLContext:
    """Make a certificate for the host, let this process trust it, and give the server's context."""
    made = certify(folder, [HOST])
    os.environ["SSL_CERT_FILE"] = str(made.authority)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.chain, made.key)
    return context


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exchanges", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--outcomes", action="store_true", help="print what every kind ended as")
    parser.add_argument("--tls", action="store_true", help="over https")
    parser.add_argument("--fetcher", action="store_true", help="through the whole fetcher, not one client a thread")
    options = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        if options.fetcher:
            tally = fetch(options.exchanges, options.seed)
        else:
            context = certified(Path(folder)) if options.tls else None
            tally = run(options.exchanges, options.seed, options.threads, context)
    for name, count in sorted((tally.outcomes if options.outcomes else tally.reached).items()):
        print(f"{count:8d}  {name}")
    for line in (tally.wrong + tally.ended)[:40]:
        print(line)
    least = min(tally.reached.items(), key=lambda item: item[1])
    print(
        f"{tally.exchanges} exchanges, {tally.requests} requests over {tally.connections} connections in "
        f"{time.monotonic() - started:.0f} s; {len(tally.reached)} kinds, the rarest {least[1]} times ({least[0]}); "
        f"{len(tally.wrong)} wrong bodies, {len(tally.ended)} ends"
    )
    return 1 if tally.wrong or tally.ended else 0


if __name__ == "__main__":
    sys.exit(main())
