"""The dataset's description in Croissant 1.0, which search engines and data loaders read.

Sources: MLCommons Croissant Format Specification 1.0, http://mlcommons.org/croissant/1.0; Croissant RAI Specification
1.0, http://mlcommons.org/croissant/RAI/1.0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipeline.cards.facts import Facts
from pipeline.model.visible import visible

_TERMS = (
    *(
        "citeAs",
        "column",
        "equivalentProperty",
        "extract",
        "field",
        "fileProperty",
        "fileObject",
        "fileSet",
        "format",
        "includes",
    ),
    *("isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex"),
    *("repeated", "replace", "samplingRate", "separator", "source", "subField", "transform"),
)
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in _TERMS},
}
_UNSAFE = {ord(each): f"\\u{ord(each):04x}" for each in "<>&"}
_MANIFEST, _ATTRIBUTION = "shards/manifest.parquet", "ATTRIBUTION.parquet"
_FIELDS: tuple[tuple[str, str, str, str], ...] = (
    ("samples", _MANIFEST, "key", "sc:Text"),
    ("samples", _MANIFEST, "shard", "sc:Text"),
    ("samples", _MANIFEST, "offset", "sc:Integer"),
    ("samples", _MANIFEST, "length", "sc:Integer"),
    ("samples", _MANIFEST, "split", "sc:Text"),
    ("samples", _MANIFEST, "sha256", "sc:Text"),
    ("samples", _MANIFEST, "width", "sc:Integer"),
    ("samples", _MANIFEST, "height", "sc:Integer"),
    ("samples", _MANIFEST, "accepted_id", "sc:Text"),
    ("attribution", _ATTRIBUTION, "key", "sc:Text"),
    ("attribution", _ATTRIBUTION, "accepted_name", "sc:Text"),
    ("attribution", _ATTRIBUTION, "creator", "sc:Text"),
    ("attribution", _ATTRIBUTION, "rights_holder", "sc:Text"),
    ("attribution", _ATTRIBUTION, "license_id", "sc:Text"),
    ("attribution", _ATTRIBUTION, "source_page", "sc:URL"),
)
_SETS = {
    "samples": "One row per image: where its bytes lie, its split and its taxon.",
    "attribution": "One row per image: whom to name, and its licence.",
}


def croissant(facts: Facts, files: Mapping[str, tuple[str, int]], version: str) -> str:
    """Return the text of croissant.json; `files` maps paths to (SHA-256 in hex, bytes), shards among them."""
    licences = [str(row[0]) for row in facts.licences]
    document: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": facts.name,
        "description": facts.description or "Images of organisms with their names.",
        "version": version,
        "license": [_licence_url(licence) for licence in licences],
        "citeAs": "; ".join(dict.fromkeys(str(row[4]) for row in facts.releases if row[3])),
        **_responsible(facts),
        "distribution": [_file(path, *stated) for path, stated in sorted(files.items())],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": name,
                "name": name,
                "description": text,
                "key": {"@id": f"{name}/key"},
                "field": [_field(*entry) for entry in _FIELDS if entry[0] == name],
            }
            for name, text in _SETS.items()
        ],
    }
    return html_safe(json.dumps(document, indent=1, ensure_ascii=False)) + "\n"


def _responsible(facts: Facts) -> dict[str, Any]:
    """Return what the RAI vocabulary asks for, computed from the run; nothing of a run without images."""
    if not facts.images:
        return {}
    sources = ", ".join(f"{source} ({rows:,} rows, {images:,} images)" for source, rows, images in facts.sources)
    ended = ", ".join(f"{row[1]} {row[2]:,}" for row in facts.funnel if row[1] != "kept")
    return {
        "rai:dataCollection": f"Public biodiversity records and the images that they name, from {sources}.",
        "rai:dataCollectionType": "Secondary Data analysis",
        "rai:dataPreprocessingProtocol": [
            "Names were matched against one taxonomy; copies and whatever leaks a benchmark were removed; images are "
            "resized JPEG. Every input row has one outcome.",
            f"Rows that ended: {ended}." if ended else "Every row was kept.",
        ],
        "rai:dataAnnotationProtocol": "Labels are the sources' own, resolved to accepted taxa; none was made for this.",
        "rai:dataBiases": list(facts.gaps),
        "rai:dataLimitations": list(facts.scope),
        "rai:personalSensitiveInformation": [
            "Images name their creators and rights holders, for attribution. Coordinates are told as the recipe says.",
        ],
    }


def html_safe(text: str) -> str:
    r"""Return JSON that says the same and may stand inside a page's <script>, where search engines look for it.

    >>> print(html_safe('"</script>&\u2028 é"'))
    "\u003c/script\u003e\u0026\u2028 é"
    """
    return visible(text.translate(_UNSAFE))


def _licence_url(licence: str) -> str:
    known = licence != "unknown" and not licence.startswith("LicenseRef-")
    return f"https://spdx.org/licenses/{licence}.html" if known else licence


def _file(path: str, digest: str, size: int) -> dict[str, Any]:
    form = "application/x-tar" if path.endswith(".tar") else "application/x-parquet"
    return {
        "@type": "cr:FileObject",
        "@id": path,
        "name": path,
        "contentUrl": path,
        "contentSize": f"{size} B",
        "encodingFormat": form,
        "sha256": digest,
    }


def _field(group: str, path: str, column: str, kind: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{group}/{column}",
        "name": f"{group}/{column}",
        "description": column.replace("_", " "),
        "dataType": kind,
        "source": {"fileObject": {"@id": path}, "extract": {"column": column}},
    }
