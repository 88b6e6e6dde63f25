"""A loopback server of which every host misbehaves in one way, over http and https.

`python -m tests.conformance.bad_hosts` serves until its input is closed; the first line it prints is its two ports.
Each host is named after its case, `CASE.bad.test`; `CASES` says which outcome each must get.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import ssl
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.conformance.bad_bodies import BODIES, GZIP_BOMB, JPEG

DOMAIN = "bad.test"
_HITS: Counter[str] = Counter()
_LOCK = threading.Lock()
_PORTS: list[int] = []

Act = Callable[["Handler"], None]


def status(code: int, **headers: str) -> Act:
    return lambda handler: handler.send(code, b"an error page", "text/plain", **headers)


def good(**headers: str) -> Act:
    return lambda handler: handler.send(200, JPEG, headers.pop("kind", "image/jpeg"), **headers)


def sending(body: bytes) -> Act:
    return lambda handler: handler.send(200, body)


def to(location: str) -> Act:
    def act(handler: Handler) -> None:
        target = location.replace("HTTP", str(_PORTS[0]))
        if handler.path == "/x.jpg":
            handler.send(302, b"", Location=target)
        else:
            handler.send(200, JPEG)

    return act


def times(count: int, first: Act) -> Act:
    """Answer so for the first requests, then with the picture."""
    return lambda handler: (first if _HITS[handler.name] <= count else good())(handler)


def raw(*parts: bytes, pause: float = 0.0, repeat: int = 1) -> Act:
    def act(handler: Handler) -> None:
        handler.close_connection = True
        for _ in range(repeat):
            for part in parts:
                handler.wfile.write(part)
                handler.wfile.flush()
                time.sleep(pause)

    return act


def hang(handler: Handler) -> None:
    time.sleep(8)


_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n"
_FULL = f"Content-Length: {len(JPEG)}\r\n".encode()

CASES: dict[str, tuple[str, Act]] = {
    **{name: (expected, sending(make())) for name, (expected, make) in BODIES.items()},
    "labelled-html": ("stored", good(kind="text/html")),
    "octet-stream": ("stored", good(kind="application/octet-stream")),
    "no-type": ("stored", raw(b"HTTP/1.1 200 OK\r\n", _FULL, b"\r\n", JPEG)),
    "gzip": ("stored", lambda h: h.send(200, gzip.compress(JPEG), Content_Encoding="gzip")),
    "gzip-in-name-only": ("stored", good(Content_Encoding="gzip")),
    "until-close": ("stored", raw(_HEAD + b"Connection: close\r\n\r\n", JPEG)),
    "chunked": (
        "stored",
        raw(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"%x\r\n" % len(JPEG), JPEG, b"\r\n0\r\n\r\n"),
    ),
    "gzip-bomb": ("too_large", lambda h: h.send(200, GZIP_BOMB, Content_Encoding="gzip")),
    "gzip-short": ("short_body", lambda h: h.send(200, gzip.compress(JPEG)[:-40], Content_Encoding="gzip")),
    "gzip-corrupt": ("corrupt", lambda h: h.send(200, b"\x1f\x8b\x08\0" + bytes(200), Content_Encoding="gzip")),
    "brotli": ("http_error", lambda h: h.send(200, b"\x1b\xff\x03\0\xf8" * 99, Content_Encoding="br")),
    "brotli-in-name": ("stored", good(Content_Encoding="br")),
    "aws-chunked": ("stored", good(Content_Encoding="gzip, aws-chunked")),
    "hints": ("stored", raw(b"HTTP/1.1 103 Early Hints\r\n\r\n", _HEAD + _FULL + b"\r\n", JPEG, pause=0.2)),
    "hints-endless": ("http_error", raw(*[b"HTTP/1.1 102 Processing\r\n\r\n"] * 500)),
    "switching": ("http_error", raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n")),
    "chunk-negative": ("http_error", raw(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n", JPEG)),
    "chunk-end": ("http_error", raw(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcde0\r\n\r\n")),
    "lengths-differ": ("http_error", raw(_HEAD + _FULL + b"Content-Length: 9\r\n\r\n", JPEG)),
    "head-cut": ("connect_failed", raw(_HEAD + b"Content-Len")),
    "two-in-one": ("stored", raw((_HEAD + _FULL + b"\r\n" + JPEG) * 2)),
    "endless": ("too_large", raw(_HEAD + b"\r\n", *[bytes(1 << 20)] * 200)),
    "announced-huge": ("too_large", raw(_HEAD + b"Content-Length: 99999999999\r\n\r\n")),
    "short-body": ("short_body", raw(_HEAD + _FULL + b"\r\n", JPEG[:1000])),
    "broken-chunks": ("short_body", raw(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"64\r\n", JPEG[:20])),
    "chunk-size-nonsense": ("short_body|http_error", raw(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"zz\r\n")),
    "no-content": ("empty", raw(b"HTTP/1.1 204 No Content\r\n\r\n")),
    "s404": ("gone", status(404)),
    "s410": ("gone", status(410)),
    "s401": ("blocked", status(401)),
    "s403": ("blocked", status(403)),
    "s451": ("blocked", status(451)),
    "s418": ("http_error", status(418)),
    "s206": ("http_error", status(206)),
    "s304": ("http_error", raw(b"HTTP/1.1 304 Not Modified\r\n\r\n")),
    "s301-region": ("http_error", lambda h: h.send(301, b"<Error/>", "text/xml", x_amz_bucket_region="eu-west-1")),
    "s500": ("http_error", status(500)),
    "s502": ("http_error", status(502)),
    "s429": ("throttled", status(429)),
    "s429-soon": ("throttled", status(429, Retry_After="1")),
    "s429-hours": ("throttled", status(429, Retry_After="7200")),
    "s429-year-2099": ("throttled", status(429, Retry_After="Wed, 21 Oct 2099 07:28:00 GMT")),
    "s503": ("throttled", status(503)),
    "flaky-503": ("stored", times(2, status(503, Retry_After="1"))),
    "flaky-429-past-date": ("stored", times(1, status(429, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"))),
    "flaky-429-nonsense": ("stored", times(1, status(429, Retry_After="whenever"))),
    "flaky-500": ("stored", times(2, status(500))),
    "flaky-short": ("stored", times(1, raw(_HEAD + _FULL + b"\r\n", JPEG[:100]))),
    "garbage": ("http_error", raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")),
    "cut": ("connect_failed", raw()),
    "header-flood": ("http_error", raw(b"HTTP/1.1 200 OK\r\n", *[b"X-Flood: 1\r\n"] * 500, b"\r\n")),
    "header-endless-line": ("http_error", raw(b"HTTP/1.1 200 OK\r\nX-Long: ", *[b"x" * 1000] * 200, b"\r\n\r\n")),
    "negative-length": ("http_error", raw(_HEAD + b"Content-Length: -5\r\n\r\n", JPEG)),
    "hang": ("timeout", hang),
    "drip-head": ("timeout", raw(b"HTTP/1.1 200 OK\r\n", *[b"X-A: b\r\n"] * 80, pause=0.1)),
    "drip-body": ("timeout", raw(_HEAD + _FULL + b"\r\n", *[b"x"] * 80, pause=0.1)),
    "silent-body": ("timeout", raw(_HEAD + _FULL + b"\r\n", JPEG[:500], pause=4)),
    "redirect": ("stored", to("/elsewhere.jpg")),
    "redirect-host": ("stored", to(f"http://good.{DOMAIN}/y.jpg")),
    "redirect-umlaut": ("stored", to("/K%C3%BCste.jpg")),
    "redirect-loop": ("too_many_redirects", lambda h: h.send(302, b"", Location="/x.jpg")),
    "redirect-file": ("too_many_redirects", to("file:///etc/passwd")),
    "redirect-ftp": ("too_many_redirects", to("ftp://example.org/a.jpg")),
    "redirect-credentials": ("too_many_redirects", to("http://me:secret@example.org/a.jpg")),
    "redirect-loopback": ("blocked_address", to("http://127.0.0.1:HTTP/x.jpg")),
    "redirect-mapped": ("blocked_address|dns_failed", to("http://[::ffff:127.0.0.1]:HTTP/x.jpg")),
    "redirect-private": ("blocked_address", to("http://10.0.0.1/x.jpg")),
    "redirect-metadata": ("blocked_address", to("http://169.254.169.254/latest/meta-data/")),
    "redirect-login": ("not_an_image", to(f"http://html.{DOMAIN}/login")),
    "redirect-nowhere": ("http_error", lambda h: h.send(302, b"")),
    "noai": ("opted_out_noai", good(X_Robots_Tag="noai, noimageai")),
    "noimageai": ("opted_out_noimageai", good(X_Robots_Tag="noimageai")),
    "noindex": ("opted_out_noindex", good(X_Robots_Tag="noindex")),
    "robots-none": ("opted_out_noindex", good(X_Robots_Tag="none")),
    "noml": ("opted_out_noml", good(X_Robots_Tag="noml")),
    "noindex-others": ("stored", good(X_Robots_Tag="googlebot: noindex")),
    "noindex-us": ("opted_out_noindex", good(X_Robots_Tag="biomill: noindex")),
    "tdm": ("opted_out_tdm", good(tdm_reservation="1")),
    "tdm-zero": ("stored", good(tdm_reservation="0")),
    "robots-all": ("robots_disallowed", good()),
    "robots-us": ("robots_disallowed", good()),
    "robots-others": ("stored", good()),
    "robots-html": ("stored", good()),
    "robots-500": ("http_error", good()),
    "robots-403": ("stored", good()),
    "robots-redirect": ("robots_disallowed", good()),
    "robots-endless": ("stored", good()),
}
"""Host: (outcomes that are right, how it answers)."""

ROBOTS: dict[str, Act] = {
    "robots-all": lambda h: h.send(200, b"User-agent: *\nDisallow: /\n", "text/plain"),
    "robots-us": lambda h: h.send(
        200, b"User-agent: *\nAllow: /\nUser-agent: Biomill/1\nDisallow: /*.jpg$", "text/plain"
    ),
    "robots-others": lambda h: h.send(200, b"User-agent: GPTBot\nDisallow: /\n", "text/plain"),
    "robots-html": lambda h: h.send(200, b"<html>Welcome</html>", "text/html"),
    "robots-500": status(500),
    "robots-403": status(403),
    "robots-redirect": lambda h: h.send(301, b"", Location=f"http://robots-all.{DOMAIN}/robots.txt"),
    "robots-endless": raw(b"HTTP/1.1 200 OK\r\n\r\n", *[b"# nothing here\n" * 4000] * 100),
}

OTHERS: dict[str, str] = {
    f"http://good.{DOMAIN}/Küste und Meer.jpg": "stored",
    "http://127.0.0.1:HTTP/x.jpg": "blocked_address",
    "http://localhost:HTTP/x.jpg": "blocked_address",
    "http://2130706433:HTTP/x.jpg": "blocked_address|dns_failed",
    "http://0x7f.1:HTTP/x.jpg": "blocked_address|dns_failed",
    "http://[::1]:HTTP/x.jpg": "blocked_address|dns_failed",
    "http://[::ffff:127.0.0.1]:HTTP/x.jpg": "blocked_address|dns_failed",
    "http://[64:ff9b::7f00:1]/x.jpg": "blocked_address",
    "http://169.254.169.254/latest/meta-data": "blocked_address",
    "http://192.168.1.1/x.jpg": "blocked_address",
    "http://no-such-host.invalid/x.jpg": "dns_failed",
    f"http://refused.{DOMAIN}/x.jpg": "connect_failed",
    "file:///etc/passwd": "bad_url",
    "data:image/png;base64,AAAA": "bad_url",
    "ftp://example.org/a.jpg": "bad_url",
    "javascript:alert(1)": "bad_url",
    "": "bad_url",
    "not a url": "bad_url",
    "http://": "bad_url",
    "http://user:secret@example.org/a.jpg": "bad_url",
    "http://exa\tmple.org/a.jpg": "bad_url",
    "http://example.org:99999/a.jpg": "bad_url",
    "http://example.org\\@127.0.0.1/a.jpg": "bad_url",
    "http://example.org:22/a.jpg": "host_not_allowed",
    f"https://good.{DOMAIN}/x.jpg": "stored",
    f"https://s404.{DOMAIN}/x.jpg": "gone",
    f"https://drip-body.{DOMAIN}/x.jpg": "timeout",
    f"https://short-body.{DOMAIN}/x.jpg": "short_body",
    f"https://to-http.{DOMAIN}/x.jpg": "too_many_redirects",
    "https://wrong-name.test/x.jpg": "tls_failed",
    "https://plain-text.test/x.jpg": "tls_failed",
}
"""URLs beside those of CASES: the outcomes that are right. HTTP stands for the server's port."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    name = ""

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self.name = self.headers.get("Host", "").partition(":")[0].removesuffix(f".{DOMAIN}")
        with contextlib.suppress(ConnectionError, TimeoutError, ssl.SSLError):
            if self.path == "/robots.txt":
                ROBOTS.get(self.name, status(404))(self)
                return
            with _LOCK:
                _HITS[self.name] += 1
            if self.name == "to-http":
                self.send(302, b"", Location=f"http://good.{DOMAIN}/x.jpg")
            else:
                CASES.get(self.name, ("", status(404)))[1](self)

    def send(self, code: int, body: bytes, kind: str = "image/jpeg", **headers: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


def main(certificate: Path, key: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    for secure in (False, True):
        server = Server(("127.0.0.1", 0), Handler)
        if secure:
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        _PORTS.append(server.server_address[1])
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps(_PORTS), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
