"""What a medium is, however its publisher states it."""

from __future__ import annotations

import pytest

from pipeline.sources.mapping.media_types import MediaKind, media_kind


@pytest.mark.parametrize(
    ("stated", "kind"),
    [
        ("StillImage", "StillImage"),
        ("http://purl.org/dc/dcmitype/StillImage", "StillImage"),
        ("Still Image", "StillImage"),
        ("image", "StillImage"),
        ("photo", "StillImage"),
        ("photograph", "StillImage"),
        ("Picture", "StillImage"),
        ("Sound", "Sound"),
        ("audio", "Sound"),
        ("MovingImage", "MovingImage"),
        ("video", "MovingImage"),
        ("InteractiveResource", "InteractiveResource"),
        ("interactive", "InteractiveResource"),
        ("text", "InteractiveResource"),
        ("Map", "Map"),
        ("", "Unknown"),
        ("specimen", "Unknown"),
    ],
)
def test_a_type_alone_says_what_it_is(stated: str, kind: str) -> None:
    assert media_kind(stated) == MediaKind(kind)


FORMATS = {
    "image/jpeg": ("StillImage", ["jpg", "jpeg", "jpe", "jfif"], ["image/jpg", "image/pjpeg", "image/jpe"]),
    "image/png": ("StillImage", ["png"], ["image/x-png"]),
    "image/tiff": ("StillImage", ["tif", "tiff"], ["image/tif"]),
    "image/gif": ("StillImage", ["gif"], []),
    "image/bmp": ("StillImage", ["bmp"], []),
    "image/webp": ("StillImage", ["webp"], []),
    "image/jp2": ("StillImage", ["jp2"], []),
    "image/heic": ("StillImage", ["heic"], []),
    "image/avif": ("StillImage", ["avif"], []),
    "image/svg+xml": ("StillImage", ["svg"], []),
    "image/x-adobe-dng": ("StillImage", ["dng"], []),
    "audio/mpeg": ("Sound", ["mp3"], ["audio/mp3", "audio/x-mp3", "audio/mpeg3"]),
    "audio/wav": ("Sound", ["wav"], ["audio/x-wav", "audio/wave"]),
    "audio/ogg": ("Sound", ["ogg", "oga"], []),
    "audio/mp4": ("Sound", ["m4a"], []),
    "audio/flac": ("Sound", ["flac"], []),
    "audio/aac": ("Sound", ["aac"], []),
    "audio/aiff": ("Sound", ["aif", "aiff"], []),
    "video/mp4": ("MovingImage", ["mp4"], []),
    "video/quicktime": ("MovingImage", ["mov"], []),
    "video/x-msvideo": ("MovingImage", ["avi"], []),
    "video/webm": ("MovingImage", ["webm"], []),
    "video/ogg": ("MovingImage", ["ogv"], []),
    "video/mpeg": ("MovingImage", ["mpg", "mpeg"], []),
    "video/x-ms-wmv": ("MovingImage", ["wmv"], []),
    "video/x-matroska": ("MovingImage", ["mkv"], []),
    "video/x-flv": ("MovingImage", ["flv"], []),
    "text/html": ("InteractiveResource", ["html", "htm"], ["text/htm"]),
    "application/pdf": ("InteractiveResource", ["pdf"], []),
    "application/json": ("InteractiveResource", ["json"], []),
    "application/xml": ("InteractiveResource", ["xml"], []),
    "image/dzi": ("InteractiveResource", [], []),
    "application/ld+json": ("InteractiveResource", [], []),
    "text/xml": ("InteractiveResource", [], []),
}


@pytest.mark.parametrize("mime", FORMATS)
def test_a_format_is_known_by_any_of_its_names_and_by_its_extension(mime: str) -> None:
    kind, extensions, spellings = FORMATS[mime]
    for stated in (mime, mime.upper(), f" {mime}; charset=utf-8", mime.replace("/", " / "), *spellings):
        assert media_kind("", stated) == MediaKind(kind, mime), stated
    for extension in extensions:
        for told in (("", extension, ""), ("", f".{extension.upper()}", ""), ("", "", extension.upper())):
            assert media_kind(*told) == MediaKind(kind, mime), told


@pytest.mark.parametrize(
    ("stated", "format_", "extension", "answer"),
    [
        ("StillImage", "audio/mpeg", "", MediaKind("Sound", "audio/mpeg", "MEDIA_TYPE_CONFLICT")),
        ("StillImage", "audio/mpeg", "jpg", MediaKind("StillImage", "audio/mpeg", "MEDIA_TYPE_CONFLICT")),
        ("StillImage", "text/html", "jpg", MediaKind("InteractiveResource", "text/html", "MEDIA_TYPE_CONFLICT")),
        ("Sound", "", "jpg", MediaKind("Sound", "image/jpeg")),
        ("http://purl.org/dc/dcmitype/Sound", "", "mp3", MediaKind("Sound", "audio/mpeg")),
        ("http://purl.org/dc/dcmitype/StillImage", "jpg", "", MediaKind("StillImage", "image/jpeg")),
        ("https://purl.org/dc/dcmitype/StillImage", "image/png", "", MediaKind("StillImage", "image/png")),
        ("Map", "image/png", "", MediaKind("Map", "image/png")),
        ("Map", "text/html", "", MediaKind("InteractiveResource", "text/html")),
        ("image/png", "StillImage", "", MediaKind("StillImage", "image/png", "TYPE_FORMAT_SWAPPED")),
        ("image/png", "Sound", "", MediaKind("StillImage", "image/png", "TYPE_FORMAT_SWAPPED")),
        ("image/png", "image/gif", "", MediaKind("StillImage", "image/gif")),
        ("StillImage", "model/stl", "", MediaKind("StillImage", "model/stl")),
        ("StillImage", "unheard of", "png", MediaKind("StillImage", "image/png")),
    ],
)
def test_what_contradicts_is_decided_by_two_against_one_and_said(
    stated: str, format_: str, extension: str, answer: MediaKind
) -> None:
    assert media_kind(stated, format_, extension) == answer
