"""A small DNS server (RFC 1035) for tests: every name is 127.0.0.1, but some do not exist and some zones are broken."""

from __future__ import annotations

import socketserver
import threading
from collections import Counter

_NO_NAME, _BROKEN = 3, 2


class NameServer:
    """Answers on an address until it is closed; `asked` counts the names."""

    def __init__(self, address: tuple[str, int] = ("127.0.0.1", 53)) -> None:
        self.asked: Counter[str] = Counter()
        names = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                query, handle = self.request
                handle.sendto(names._answer(query), self.client_address)

        self._server = socketserver.UDPServer(address, Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, query: bytes) -> bytes:
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode())
            at += 1 + query[at]
        question = query[12 : at + 5]
        name, kind = ".".join(labels).lower(), int.from_bytes(query[at + 1 : at + 3], "big")
        self.asked[name] += 1
        code = _NO_NAME if "missing" in name else _BROKEN if "broken" in name else 0
        found = code == 0 and kind == 1
        record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04\x7f\x00\x00\x01" if found else b""
        counts = bytes([0, 1, 0, int(found), 0, 0, 0, 0])
        return query[:2] + (0x8180 | code).to_bytes(2, "big") + counts + question + record
