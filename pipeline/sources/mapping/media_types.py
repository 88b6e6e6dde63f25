"""What a medium is, from its type, its format and its URL's extension, which publishers swap, mistype and leave out.

Types are those of Dublin Core (https://www.dublincore.org/specifications/dublin-core/dcmi-terms/#section-7), formats
IANA media types.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_MIME_OF_EXTENSION = {
    "jpg": "image/jpeg", "jpeg": "image/jpeg", "jpe": "image/jpeg", "jfif": "image/jpeg", "png": "image/png",
    "gif": "image/gif", "tif": "image/tiff", "tiff": "image/tiff", "bmp": "image/bmp", "webp": "image/webp",
    "jp2": "image/jp2", "heic": "image/heic", "avif": "image/avif", "svg": "image/svg+xml", "dng": "image/x-adobe-dng",
    "mp3": "audio/mpeg", "wav": "audio/wav", "ogg": "audio/ogg", "oga": "audio/ogg", "m4a": "audio/mp4",
    "flac": "audio/flac", "aac": "audio/aac", "aif": "audio/aiff", "aiff": "audio/aiff", "mp4": "video/mp4",
    "mov": "video/quicktime", "avi": "video/x-msvideo", "webm": "video/webm", "ogv": "video/ogg", "mpg": "video/mpeg",
    "mpeg": "video/mpeg", "wmv": "video/x-ms-wmv", "mkv": "video/x-matroska", "flv": "video/x-flv",
    "html": "text/html", "htm": "text/html", "pdf": "application/pdf", "json": "application/json",
    "xml": "application/xml",
}  # fmt: skip
_REPAIRED = {
    "image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/jpe": "image/jpeg", "image/tif": "image/tiff",
    "image/x-png": "image/png", "audio/mp3": "audio/mpeg", "audio/x-mp3": "audio/mpeg", "audio/mpeg3": "audio/mpeg",
    "audio/x-wav": "audio/wav", "audio/wave": "audio/wav", "text/htm": "text/html",
}  # fmt: skip
_TYPES = {
    "stillimage": "StillImage", "image": "StillImage", "photo": "StillImage", "photograph": "StillImage",
    "picture": "StillImage", "sound": "Sound", "audio": "Sound", "movingimage": "MovingImage", "video": "MovingImage",
    "interactiveresource": "InteractiveResource", "interactive": "InteractiveResource",
    "text": "InteractiveResource", "map": "Map",
}  # fmt: skip
# An image family that no image reader opens: the tiles or the manifest of a viewer.
_VIEWER_FORMATS = frozenset({"image/dzi", "application/ld+json", "application/json", "application/xml", "text/xml"})
EXTENSION = r"\.(?P<extension>[A-Za-z0-9]{2,5})(?:[?#].*)?$"
"""RE2 and Python pattern for the extension in a URL."""


@dataclass(frozen=True, slots=True)
class MediaKind:
    """A medium's type and format, and what was odd about how they were stated."""

    type: str
    """StillImage, Sound, MovingImage, InteractiveResource, Map or Unknown."""
    format: str = ""
    """Media type such as image/jpeg; empty when unknown."""
    issue: str = ""
    """TYPE_FORMAT_SWAPPED, MEDIA_TYPE_CONFLICT or empty."""


@lru_cache(maxsize=65536)
def media_kind(stated_type: str = "", stated_format: str = "", extension: str = "") -> MediaKind:
    """Return the kind of a medium.

    A web page or viewer format outweighs everything; else the format decides, unless type and extension agree against
    it; else the type; else the extension.

    >>> media_kind("StillImage", "jpeg")
    MediaKind(type='StillImage', format='image/jpeg', issue='')
    >>> media_kind("image/png", "StillImage").issue
    'TYPE_FORMAT_SWAPPED'
    >>> media_kind("StillImage", "text/html", "jpg").type
    'InteractiveResource'
    """
    issue = ""
    # The address of a term is no media type, whatever slashes it has.
    if "/" in stated_type and "://" not in stated_type and "/" not in stated_format:
        stated_type, stated_format, issue = stated_format, stated_type, "TYPE_FORMAT_SWAPPED"
    mime = _mime(stated_format)
    of_extension = _MIME_OF_EXTENSION.get(extension.lower(), "")
    word = re.sub(r"[^a-z]", "", stated_type.lower().rsplit("/", 1)[-1])
    by_type, by_format, by_extension = _TYPES.get(word, ""), _family(mime), _family(of_extension)
    outvoted = by_type and by_type == by_extension != by_format and by_format != "InteractiveResource"
    chosen = (by_format if not outvoted else "") or by_type or by_extension or "Unknown"
    if by_type == "Map" and chosen == "StillImage":
        chosen = "Map"
    if not issue and by_type and by_format and by_type != by_format and by_type != "Map":
        issue = "MEDIA_TYPE_CONFLICT"
    return MediaKind(chosen, mime if mime else of_extension, issue)


def _mime(stated: str) -> str:
    text = stated.strip().lower().split(";")[0].strip()
    if "/" in text:
        text = re.sub(r"\s", "", text)
        return _REPAIRED.get(text, text)
    return _MIME_OF_EXTENSION.get(text.lstrip("."), "")


def _family(mime: str) -> str:
    if mime in _VIEWER_FORMATS or mime.startswith("text/") or mime == "application/pdf":
        return "InteractiveResource"
    group = mime.split("/")[0]
    return {"image": "StillImage", "audio": "Sound", "video": "MovingImage"}.get(group, "")
