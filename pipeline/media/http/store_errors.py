"""Error documents of object stores, which say in their body what their status does not.

S3 answers 403 AccessDenied for a key that does not exist to everyone who may not list the bucket, and some gateways
send such a document with status 200. Source: Amazon S3 API Reference, "Error responses" and GetObject; Google Cloud
Storage's XML API answers alike.
"""

from __future__ import annotations

import re

HEAD_BYTES = 4096
"""Bytes at the start of a body that are looked at."""
_ERROR = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]{0,100}\?>\s*)?<Error\b[^>]{0,200}>.{0,1000}?<Code>\s*([A-Za-z]{1,60})\s*</Code>",
    re.DOTALL,
)
_ABSENT = frozenset({"AccessDenied", "NoSuchKey", "NoSuchBucket"})


def absent(body: bytes) -> str:
    """Return the code with which an object store says that an object is not there for us; empty for other bodies.

    >>> absent(b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>NoSuchKey</Code></Error>')
    'NoSuchKey'
    >>> absent(b"<Error><Code>SlowDown</Code></Error>"), absent(b"<html>AccessDenied</html>")
    ('', '')
    """
    found = _ERROR.match(body[:HEAD_BYTES])
    code = found[1].decode("ascii") if found else ""
    return code if code in _ABSENT else ""
