"""A real loopback web server whose every path misbehaves in one way."""

from __future__ import annotations

import contextlib
import functools
import gzip
import io
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

import pytest
from PIL import Image

from manifests.recipe import FetchRules


def picture(kind: str = "JPEG", size: tuple[int, int] = (96, 64), mode: str = "RGB", **options: Any) -> bytes:
    """A small picture with content in every corner."""
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    image.paste((200, 30, 30), (0, 0, size[0] // 4, size[1] // 3))
    out = io.BytesIO()
    image.convert(mode).save(out, kind, **options)
    return out.getvalue()


JPEG = picture()


@functools.cache
def gzip_bomb() -> bytes:
    return gzip.compress(bytes(20_000_000))


@dataclass
class Site:
    """The server's address, what it was asked, and the requests it is serving right now."""

    port: int
    asked: list[tuple[float, str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    clients: set[int] = field(default_factory=set)
    busy: int = 0
    busiest: int = 0
    open: int = 0
    most_open: int = 0
    """Connections that were open at the same time."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    scheme: str = "http"
    jpeg: bytes = JPEG
    robots: str | None = None

    def url(self, path: str, host: str = "media.example.org") -> str:
        return f"{self.scheme}://{host}/{path}"

    def rules(self, **changes: Any) -> FetchRules:
        """Rules under which media.example.org is this server, with short waits."""
        options: dict[str, Any] = {
            "connect_to": (f"media.example.org=127.0.0.1:{self.port}",),
            "per_host_rate": 1000.0,
            "connect_timeout": 1.0,
            "read_timeout": 0.8,
            "total_timeout": 1.0,
            "max_retry_after": 0.05,
            "patience": 0.2,
            "robots": False,
            "max_bytes": 1_000_000,
        }
        return FetchRules(**{**options, **changes})

    def count(self, path: str) -> int:
        return Counter(asked for _, asked, _ in self.asked)["/" + path]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: Site

    def setup(self) -> None:
        super().setup()
        with self.site.lock:
            self.site.open += 1
            self.site.most_open = max(self.site.most_open, self.site.open)

    def finish(self) -> None:
        with self.site.lock:
            self.site.open -= 1
        with contextlib.suppress(OSError):
            super().finish()

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        site = self.site
        with site.lock:
            site.asked.append((time.monotonic(), self.path, self.headers.get("Host", "")))
            site.headers.append(dict(self.headers.items()))
            site.clients.add(self.client_address[1])
            site.busy += 1
            site.busiest = max(site.busiest, site.busy)
        try:
            name, _, argument = self.path.lstrip("/").partition("/")
            if self.path == "/robots.txt":
                self.answer(404 if site.robots is None else 200, (site.robots or "").encode(), "text/plain")
                return
            action: Callable[[str], None] = getattr(self, "path_" + name.partition("?")[0].replace("-", "_"))
            # Clients that gave up are the point of half of these paths.
            with contextlib.suppress(ConnectionError, TimeoutError, ssl.SSLError):
                action(argument)
        finally:
            with site.lock:
                site.busy -= 1

    def answer(
        self,
        status: int = 200,
        body: bytes = b"",
        kind: str = "image/jpeg",
        more: Mapping[str, str] = MappingProxyType({}),
        **named: str,
    ) -> None:
        """Answer; headers are `named`, with underscores for hyphens, and those of `more`, whose names a path gives."""
        headers = {**named, **more}
        self.send_response(status)
        self.send_header("Content-Type", kind)
        length = headers.pop("Content_Length", str(len(body)))
        if length:
            self.send_header("Content-Length", length)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def hang_up(self) -> None:
        self.close_connection = True

    def path_ok(self, argument: str) -> None:
        self.answer(body=JPEG + argument.encode())

    def path_picture(self, argument: str) -> None:
        self.answer(body=self.site.jpeg)

    def path_say(self, argument: str) -> None:
        """The picture, with a header that the path gives as NAME=VALUE."""
        name, _, value = unquote(argument).partition("=")
        self.answer(body=JPEG, more={name.replace("-", "_"): value})

    def path_slow(self, argument: str) -> None:
        time.sleep(float(argument.partition("/")[0]))
        self.answer(body=JPEG)

    def path_html(self, argument: str) -> None:
        self.answer(body=b"<!DOCTYPE html><p>Log in</p>", kind="image/jpeg")

    def path_mislabelled(self, argument: str) -> None:
        self.answer(body=JPEG, kind="text/html")

    def path_status(self, argument: str) -> None:
        self.answer(int(argument), b"an error page", "text/html")

    def path_refuse(self, argument: str) -> None:
        self.answer(403, b"no", "text/plain")

    def path_body(self, argument: str) -> None:
        """The status and the body that the path gives as STATUS/BODY."""
        status, _, body = argument.partition("/")
        self.answer(int(status), unquote(body).encode(), "application/xml")

    def path_throttle(self, argument: str) -> None:
        self.answer(429, b"wait", Retry_After=argument.replace("_", " "))

    def path_flaky(self, argument: str) -> None:
        """503 (with the given Retry-After) twice, then the picture."""
        if self.site.count(self.path.lstrip("/")) <= 2:
            self.answer(503, b"busy", more={"Retry_After": argument} if argument != "-" else {})
        else:
            self.answer(body=JPEG)

    def path_empty(self, argument: str) -> None:
        self.answer()

    def path_no_content(self, argument: str) -> None:
        self.send_response(204)
        self.end_headers()

    def path_short(self, argument: str) -> None:
        self.answer(body=JPEG[:-200], Content_Length=str(len(JPEG)))
        self.hang_up()

    def path_broken_chunks(self, argument: str) -> None:
        self.answer(Content_Length="", Transfer_Encoding="chunked")
        self.wfile.write(b"64\r\n" + JPEG[:20])
        self.hang_up()

    def path_chunked(self, argument: str) -> None:
        self.answer(Content_Length="", Transfer_Encoding="chunked")
        for at in range(0, len(JPEG), 100):
            part = JPEG[at : at + 100]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")

    def path_until_close(self, argument: str) -> None:
        self.answer(body=JPEG, Content_Length="", Connection="close")
        self.hang_up()

    def path_cut(self, argument: str) -> None:
        self.hang_up()

    def path_garbage(self, argument: str) -> None:
        self.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
        self.hang_up()

    def path_hang(self, argument: str) -> None:
        time.sleep(0.9)
        self.hang_up()

    def path_drip(self, argument: str) -> None:
        self.answer(Content_Length="1000")
        self.drip(b"x")

    def path_drip_head(self, argument: str) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        self.drip(b"X-A: b\r\n")

    def drip(self, drop: bytes) -> None:
        self.hang_up()
        until = time.monotonic() + 3
        while time.monotonic() < until:
            self.wfile.write(drop)
            time.sleep(0.05)

    def path_endless(self, argument: str) -> None:
        self.answer(Content_Length="", Connection="close")
        self.hang_up()
        until = time.monotonic() + 5
        while time.monotonic() < until:
            self.wfile.write(bytes(1 << 16))

    def path_huge(self, argument: str) -> None:
        self.answer(Content_Length="99999999999")
        self.hang_up()

    def path_gzip(self, argument: str) -> None:
        self.answer(body=gzip.compress(JPEG), Content_Encoding="gzip")

    def path_gzip_bomb(self, argument: str) -> None:
        self.answer(body=gzip_bomb(), Content_Encoding="gzip")

    def path_gzip_short(self, argument: str) -> None:
        self.answer(body=gzip.compress(JPEG)[:-100], Content_Encoding="gzip")

    def path_gzip_not(self, argument: str) -> None:
        self.answer(body=JPEG, Content_Encoding="gzip")

    def path_brotli(self, argument: str) -> None:
        self.answer(body=b"whatever", Content_Encoding="br")

    def path_loop(self, argument: str) -> None:
        self.answer(302, Location="/loop/" + str(int(argument or 0) + 1))

    def path_hops(self, argument: str) -> None:
        left = int(argument)
        self.answer(301, Location=f"/hops/{left - 1}" if left > 1 else "/ok")

    def path_to(self, argument: str) -> None:
        self.answer(302, Location=argument)

    def path_to_umlaut(self, argument: str) -> None:
        self.send_response(302)
        # The header's bytes are UTF-8, which the server writes only where it takes them for Latin-1.
        self.send_header("Location", "/ok/Küste".encode().decode("latin-1"))
        self.send_header("Content-Length", "0")
        self.end_headers()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


def serve(context: ssl.SSLContext | None = None) -> Generator[Site]:
    gzip_bomb()  # made before anybody waits for it
    handler = type("SiteHandler", (Handler,), {})
    server = Server(("127.0.0.1", 0), handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    site = Site(server.server_address[1], scheme="https" if context else "http")
    handler.site = site  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield site
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session", name="picture")
def picture_fixture() -> Callable[..., bytes]:
    return picture


@pytest.fixture
def site() -> Iterator[Site]:
    yield from serve()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-made certificate for media.example.org and its key, in one PEM file."""
    pytest.importorskip("cryptography", reason="needs the cryptography package to make a certificate")
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "media.example.org")])
    now = datetime.datetime.now(datetime.UTC)
    usage = dict.fromkeys(
        ["content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign"], False
    )
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("media.example.org")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True, key_cert_sign=True, encipher_only=False, decipher_only=False, **usage
            ),
            critical=True,
        )
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "site.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + built.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def tls_site(certificate: Path) -> Iterator[Site]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    yield from serve(context)


@pytest.fixture(scope="session")
def real_images() -> Path:
    """The folder of real photographs that lies beside the repository, where it is present."""
    folder = Path(__file__).parents[3] / "../shared/data/sources"
    if not (folder / "images/manifest.csv").is_file():
        pytest.skip("the real photographs are not present beside the repository")
    return folder
