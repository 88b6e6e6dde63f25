"""A real http proxy on loopback: absolute-form requests and CONNECT, with or without credentials.

Whatever host is named, it leads to one port of this machine, for names of tests exist nowhere.
"""

from __future__ import annotations

import base64
import contextlib
import select
import socket
import socketserver
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit


@dataclass
class ProxyServer:
    """A context manager; `asked` lists (method, target, headers) as they came."""

    to_port: int
    secret: str = ""
    """'user:password' that must be given."""
    refuse: Mapping[str, bytes] = field(default_factory=dict)
    """Hosts that are answered so instead of being connected to."""
    at: int = 0
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def __enter__(self) -> ProxyServer:
        proxy = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    while proxy._one(self):
                        pass

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True
            request_queue_size = 64

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass

        self._server = Server(("127.0.0.1", self.at), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://{self.secret + '@' if self.secret else ''}127.0.0.1:{self.port}"

    def hosts(self) -> set[str]:
        return {urlsplit(target if "://" in target else f"//{target}").hostname or "" for _, target, _ in self.asked}

    def _one(self, handler: socketserver.StreamRequestHandler) -> bool:
        """Serve one request; whether the connection can bear another."""
        line = handler.rfile.readline().decode("latin-1")
        if not line.strip():
            return False
        method, target, _ = line.split()
        headers: dict[str, str] = {}
        while (header := handler.rfile.readline().decode("latin-1").strip()) != "":
            name, _, value = header.partition(":")
            headers[name.lower()] = value.strip()
        self.asked.append((method, target, headers))
        expected = "Basic " + base64.b64encode(self.secret.encode()).decode()
        if self.secret and headers.get("proxy-authorization") != expected:
            handler.wfile.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return method != "CONNECT"
        host = urlsplit(target if "://" in target else f"//{target}").hostname or ""
        if host in self.refuse:
            handler.wfile.write(self.refuse[host])
            return False
        with socket.create_connection(("127.0.0.1", self.to_port)) as origin:
            if method == "CONNECT":
                handler.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                parts = urlsplit(target)
                path = parts.path + (f"?{parts.query}" if parts.query else "")
                passed = {name: value for name, value in headers.items() if name != "proxy-authorization"}
                passed["connection"] = "close"
                lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in passed.items()), "", ""]
                origin.sendall("\r\n".join(lines).encode("latin-1"))
                status, _, rest = b"".join(iter(lambda: origin.recv(65536), b"")).partition(b"\r\n")
                handler.wfile.write(status + b"\r\nConnection: close\r\n" + rest)
                return False
            self._pump(handler.connection, origin)
        return False

    @staticmethod
    def _pump(client: socket.socket, origin: socket.socket) -> None:
        while True:
            ready, _, _ = select.select([client, origin], [], [], 10)
            if not ready:
                return
            for side in ready:
                data = side.recv(65536)
                if not data:
                    return
                (origin if side is client else client).sendall(data)
