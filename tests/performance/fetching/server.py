"""A loopback server of one folder's files, over http and https with keep-alive, in a process of its own.

    python -m tests.performance.fetching.server FOLDER PEM

Prints one JSON line with the two ports, then serves until its standard input ends.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import json
import socket
import socketserver
import ssl
import sys
import threading
from pathlib import Path


class _Handler(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    folder: Path
    context: ssl.SSLContext | None = None

    def setup(self) -> None:
        if self.context is not None:
            self.request = self.context.wrap_socket(self.request, server_side=True)
        super().setup()

    def handle(self) -> None:
        # Clients hang up when they have what they want.
        with contextlib.suppress(ConnectionError, ssl.SSLError, TimeoutError):
            while self._answer():
                pass

    def _answer(self) -> bool:
        request = self.rfile.readline(4096).split()
        if len(request) < 2:
            return False
        keep = True
        while (line := self.rfile.readline(4096)) not in (b"\r\n", b"\n", b""):
            keep = keep and line.lower().rstrip() != b"connection: close"
        path = self.folder / Path(request[1].decode("ascii")).name
        found = path.is_file()
        body = path.read_bytes() if found else b"no such file"
        head = (
            f"HTTP/1.1 {'200 OK' if found else '404 Not Found'}\r\n"
            f"Content-Type: {'image/jpeg' if found else 'text/plain'}\r\nContent-Length: {len(body)}\r\n"
            f"{'' if keep else 'Connection: close' + chr(13) + chr(10)}\r\n"
        )
        self.wfile.write(head.encode("ascii") + body)
        return keep

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()
            self.request.shutdown(socket.SHUT_RDWR)
        self.request.close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that leave in the middle of a handshake are no news."""


def write_certificate(path: Path) -> None:
    """Write a self-signed RSA-2048 certificate for 127.0.0.1, as most hosts of images have, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509.oid import NameOID

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + built.public_bytes(serialization.Encoding.PEM))


def main() -> None:
    folder, pem = Path(sys.argv[1]), Path(sys.argv[2])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    ports = {}
    for scheme, wrap in (("http", None), ("https", context)):
        handler = type("Handler", (_Handler,), {"folder": folder, "context": wrap})
        server = _Server(("127.0.0.1", 0), handler)
        ports[scheme] = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps(ports), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
