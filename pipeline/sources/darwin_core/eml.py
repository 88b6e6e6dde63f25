"""What a dataset's metadata document (EML) says about its name and its licence, read without an XML parser.

EML is foreign XML of any size: only its first part is looked at, and by patterns, so that no entity is ever expanded.
Source: GBIF metadata profile (https://rs.gbif.org/schema/eml-gbif-profile/).
"""

from __future__ import annotations

import html
import re
from pathlib import Path

EML_BYTES = 256 << 10


def release_name(eml: bytes, path: Path) -> str:
    """Return the DOI of a download, else its key, else the name of the file.

    >>> release_name(b'<eml packageId="10.15468/dl.4gbcs6">', Path("x.zip"))
    '10.15468/dl.4gbcs6'
    """
    head = eml.decode("utf-8", errors="replace")
    doi = re.search(r'packageId="\s*(10\.\d{4,9}/[^"\s]+)', head)
    key = re.search(r"\b(\d{7}-\d{15})\b", head)
    return doi[1] if doi else key[1] if key else path.stem


def rights(eml: bytes) -> str:
    """Return the licence of an EML document: the URL it links to, else its words; empty when it states none."""
    match = re.search(r"<intellectualRights>(.*?)</intellectualRights>", eml.decode("utf-8", "replace"), re.DOTALL)
    if match is None:
        return ""
    link = re.search(r'<ulink[^>]*\burl="([^"]+)"', match[1])
    words = html.unescape(re.sub(r"<[^>]*>", " ", match[1]))
    return html.unescape(link[1]) if link else re.sub(r"\s+", " ", words).strip()[:1000]
