"""The demo's web: media by host and path, and the addresses that misbehave, in the form the server reads.

On disk: `www/{host}/{path}` holds the bytes, `www/behaviours.json` maps 'host/path' to the fields of a Behaviour.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

HOSTS = ("content.biota.test", "fathomnet.biota.test", "media.biota.test", "slow.biota.test")
"""Every host of the demo; none exists in the real world (RFC 6761, section 6.2)."""
BEHAVIOURS_FILE = "behaviours.json"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How an address answers, where it does not simply give its file."""

    status: int = 200
    """HTTP status; with another one than 200 the body is a short note, not the file."""
    location: str = ""
    """Location header of a redirect."""
    retry_after: str = ""
    """Retry-After header."""
    times: int = 0
    """Number of requests that are answered like this before the file is given; 0: all of them."""
    announce_more: int = 0
    """Bytes that Content-Length announces beyond those that are sent."""
    content_type: str = ""
    """Content-Type, whatever the file is; empty: by the file's suffix."""


@dataclass(slots=True)
class Web:
    """The files and behaviours as they are collected."""

    files: dict[str, bytes] = field(default_factory=dict)
    behaviours: dict[str, Behaviour] = field(default_factory=dict)

    def put(self, host: str, path: str, data: bytes, behaviour: Behaviour | None = None) -> str:
        """Store a file and give its URL.

        >>> Web().put("media.biota.test", "a/1.jpg", b"...")
        'http://media.biota.test/a/1.jpg'
        """
        self.files[f"{host}/{path}"] = data
        return self.behave(host, path, behaviour) if behaviour else f"http://{host}/{path}"

    def behave(self, host: str, path: str, behaviour: Behaviour) -> str:
        """Store a behaviour, with or without a file behind it, and give the URL."""
        self.behaviours[f"{host}/{path}"] = behaviour
        return f"http://{host}/{path}"

    def write(self, folder: Path) -> None:
        """Write files and behaviours under `folder`."""
        for address, data in sorted(self.files.items()):
            path = folder / address
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        for host in HOSTS:
            (folder / host).mkdir(parents=True, exist_ok=True)
        table = {address: asdict(behaviour) for address, behaviour in sorted(self.behaviours.items())}
        (folder / BEHAVIOURS_FILE).write_text(json.dumps(table, indent=1, sort_keys=True) + "\n", encoding="utf-8")
