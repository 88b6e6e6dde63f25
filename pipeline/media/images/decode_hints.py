"""What an answer that is no picture tells the person who can mend the address: where the picture is instead."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

_MAX_JSON = 1 << 20  # an info.json has some KB
_IIIF = re.compile(r"https?://iiif\.io/api/image(?:/([0-9])(?:\.[0-9])*)?(?:/|$)")
_ENDPOINT = re.compile(rb"<Endpoint>\s*([A-Za-z0-9.:_-]{1,255})\s*</Endpoint>")
_REGION = re.compile(r"[a-z0-9-]{1,40}")


def region_of(status: int, headers: Mapping[str, str], page: bytes) -> str:
    """Return words on where a bucket lives, of S3's 301 and 307 that name no Location; empty for other answers.

    Source: Amazon S3 user guide, "Request redirection"; the region stands in x-amz-bucket-region.

    >>> region_of(301, {"x-amz-bucket-region": "us-west-2"}, b"<Error><Endpoint>b.s3.amazonaws.com</Endpoint></Error>")
    ': the bucket is in the region us-west-2, asked for at b.s3.amazonaws.com'
    >>> region_of(404, {"x-amz-bucket-region": "us-west-2"}, b"")
    ''
    """
    if not 300 <= status < 400:
        return ""
    region = headers.get("x-amz-bucket-region", "")
    endpoint = _ENDPOINT.search(page)
    words = f": the bucket is in the region {region}" if _REGION.fullmatch(region) else ""
    if endpoint is not None:
        words += f"{',' if words else ': the bucket is to be'} asked for at {endpoint[1].decode('ascii')}"
    return words


def image_hint(data: bytes) -> str:
    """Return words on where the picture is that a IIIF info.json describes; empty for everything else.

    Source: IIIF Image API 2.1 and 3.0, sections 4 (image requests) and 5 (image information).

    >>> image_hint(b'{"protocol": "http://iiif.io/api/image", "id": "https://example.org/iiif/7", "width": 4000}')
    ', a IIIF description; the picture is at https://example.org/iiif/7/full/max/0/default.jpg'
    >>> image_hint(b'{"error": "not found"}')
    ''
    """
    if len(data) > _MAX_JSON or b"iiif.io/api/image" not in data:
        return ""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(found, dict):
        return ""
    contexts = found.get("@context")
    named = [found.get("protocol"), *(contexts if isinstance(contexts, list) else [contexts])]
    if not any(isinstance(name, str) and _IIIF.match(name) for name in named):
        return ""
    base = found.get("id", found.get("@id"))
    place = base.rstrip("/") if isinstance(base, str) and re.fullmatch(r"https?://[!-~]{1,2000}", base) else "ID"
    return f", a IIIF description; the picture is at {place}/full/max/0/default.jpg"
