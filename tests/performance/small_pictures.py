"""A loopback server of small pictures, another for every address: what a fetch costs beside bytes and decoding.

    python -m tests.performance.small_pictures

Prints its address, then serves until its standard input ends. Every picture is a JPEG of 64 x 64 pixels and some 2 KB,
drawn from its path, so that the same address always gives the same bytes and no two pictures look alike.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import simplejpeg


def picture(path: bytes) -> bytes:
    """Return the picture of an address: 8 x 8 squares, each of a colour that follows from the path.

    >>> data = picture(b"/1.jpg")
    >>> data[:3].hex(), 800 < len(data) < 2500, data == picture(b"/1.jpg"), data == picture(b"/2.jpg")
    ('ffd8ff', True, True, False)
    """
    shades = np.frombuffer(hashlib.shake_256(path).digest(192), np.uint8).reshape(8, 8, 3)
    return bytes(simplejpeg.encode_jpeg(shades.repeat(8, 0).repeat(8, 1), 40))


class _Answers(asyncio.Protocol):
    """Answers every request of a connection with its picture."""

    def __init__(self) -> None:
        self.waiting = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        *requests, self.waiting = (self.waiting + data).split(b"\r\n\r\n")
        for request in requests:
            body = picture(request.split(b" ", 2)[1])
            head = f"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}\r\n\r\n"
            self.transport.write(head.encode() + body)


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Answers, "127.0.0.1", 0)
    print("{}:{}".format(*server.sockets[0].getsockname()), flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    await server.serve_forever()


@contextmanager
def served() -> Iterator[str]:
    """Serve in a process of its own; yield HOST:PORT."""
    command = [sys.executable, "-m", __spec__.name if __spec__ else __name__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


if __name__ == "__main__":
    asyncio.run(_serve())
