"""One pass over one tar archive: every byte is read once, for the digest of the file and for what its members hold."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from pipeline.model.errors import VerifyError
from pipeline.shards import MemberLocation, SampleLocation
from pipeline.verify.headers import BLOCK, RECORD, Header, parse_header

LARGEST = 64 << 20
"""Bytes of one member that are held; a larger one is a finding."""
_CHUNK = 1 << 20


@dataclass(slots=True)
class Sample:
    """One sample of a shard: the members in a row that share a key."""

    key: str
    offset: int
    members: list[MemberLocation] = field(default_factory=list)
    data: dict[str, bytes] = field(default_factory=dict)
    odd: list[str] = field(default_factory=list)

    def location(self) -> SampleLocation:
        """Return where it lies: headers, data and padding, and nothing else."""
        last = self.members[-1]
        end = last.offset + last.size + -last.size % BLOCK
        return SampleLocation(self.key, self.offset, end - self.offset, tuple(self.members))


class TarPass:
    """Iterate over the samples of an archive; then `digest` is the SHA-256 of the whole file.

    What makes the rest of the archive unreadable ends the iteration and stands in `fault`; what is merely not as it
    must be stands in `odd` of the sample, or in `end` for what follows the last one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._hash = hashlib.sha256()
        self.digest = ""
        self.size = 0
        self.fault = ""
        self.end: list[str] = []

    def __iter__(self) -> Iterator[Sample]:
        try:
            with self._path.open("rb", buffering=_CHUNK) as file:
                yield from self._samples(file)
                while chunk := file.read(_CHUNK):
                    self._took(chunk)
        except OSError as error:
            raise VerifyError(f"the file cannot be read: {error.strerror}", str(self._path)) from error
        self.digest = self._hash.hexdigest()

    def _took(self, data: bytes) -> bytes:
        self._hash.update(data)
        self.size += len(data)
        return data

    def _samples(self, file: BinaryIO) -> Iterator[Sample]:
        sample: Sample | None = None
        while True:
            at = self.size
            block = self._took(file.read(BLOCK))
            if len(block) < BLOCK:
                self.fault = f"byte {at}: the archive is truncated: its end marker is missing"
                break
            if block[:1] == b"\0" and not any(block):
                self._ending(file, at)
                break
            try:
                header = parse_header(block)
            except ValueError as error:
                self.fault = f"byte {at}: no header of a member as Biomill writes it: {error}"
                break
            if sample is None or header.key != sample.key:
                if sample is not None:
                    yield sample
                sample = Sample(header.key, at)
            if not self._member(file, header, sample, at):
                sample = None  # half a sample is no sample; the fault says where it ends
                break
        if sample is not None:
            yield sample

    def _member(self, file: BinaryIO, header: Header, sample: Sample, at: int) -> bool:
        name, size = f"{header.key}.{header.suffix}", header.size
        if size <= LARGEST:
            data = self._took(file.read(size))
            read = len(data)
            sample.data[header.suffix] = data
        else:
            read = 0
            while chunk := self._took(file.read(min(_CHUNK, size - read))):
                read += len(chunk)
            sample.odd.append(f"{name} has more than {LARGEST:,} bytes")
        padding = self._took(file.read(-size % BLOCK)) if read == size else b""
        if read < size or len(padding) < -size % BLOCK:
            self.fault = f"byte {at}: the archive is truncated inside {name!r}"
            return False
        sample.odd += [f"header field {odd}" for odd in header.odd]
        if padding.count(0) != len(padding):
            sample.odd.append("padding that is not zero")
        sample.members.append(MemberLocation(header.suffix, at + BLOCK, size))
        return True

    def _ending(self, file: BinaryIO, at: int) -> None:
        while chunk := file.read(_CHUNK):
            self._took(chunk)
            if any(chunk):
                self.end.append("data after the end of the archive")
        if self.size < at + 2 * BLOCK or self.size % BLOCK:
            self.fault = f"byte {at}: the archive is truncated: its end marker is not two zero blocks"
        elif self.size != -(-(at + 2 * BLOCK) // RECORD) * RECORD:
            self.end.append(
                f"{self.size - at:,} bytes of end marker, which are not two zero blocks filled up to {RECORD:,}"
            )
