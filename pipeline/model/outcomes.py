"""The closed list of outcomes: every input row ends in exactly one of them.

An outcome says which stage may give it, whether fetching again can change it, and what it means in one sentence. The
sentence is printed in reports and lands in the catalog, so that a number in the funnel never needs a manual.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class OutcomeInfo:
    """What one outcome means."""

    stage: str
    retryable: bool
    meaning: str


class Outcome(Enum):
    """How an input row ended.

    >>> Outcome.GONE.code, Outcome.GONE.info.stage, Outcome.GONE.info.retryable
    ('gone', 'fetch', False)
    """

    # ingest: the row itself
    MALFORMED_ROW = OutcomeInfo("ingest", False, "The row cannot be split into the table's columns or decoded.")
    ORPHAN_MEDIA = OutcomeInfo("ingest", False, "A media row names a record that is not in the release.")
    NO_MEDIA = OutcomeInfo("ingest", False, "The record has no medium.")
    NO_URL = OutcomeInfo("ingest", False, "The media row has no address of the medium itself.")
    ID_MISSING = OutcomeInfo("ingest", False, "The row has no identifier of its record or medium.")
    NO_BOX = OutcomeInfo("ingest", False, "The image has no bounding box, and its source labels boxes.")
    BAD_BOX = OutcomeInfo("ingest", False, "The bounding box lies outside the image or has no area.")
    REJECTED_LABEL = OutcomeInfo("ingest", False, "The source itself rejected this label or image.")
    NON_ORGANISM = OutcomeInfo("ingest", False, "The label names a thing, a place or an event, not an organism.")
    MERGED_BOX = OutcomeInfo("ingest", False, "Another box of the image is nearly the same and has the same label.")
    NOT_PUBLIC = OutcomeInfo("ingest", False, "The source does not show this medium to the public.")
    BLANK = OutcomeInfo("ingest", False, "The source says that the picture shows no animal.")
    HUMAN = OutcomeInfo("ingest", False, "The source says that the picture shows a person.")
    VEHICLE = OutcomeInfo("ingest", False, "The source says that the picture shows a vehicle.")
    # screen: what is known before any byte is fetched
    DUPLICATE_RECORD = OutcomeInfo("screen", False, "Another row states the same record, medium and box.")
    WITHDRAWN = OutcomeInfo("screen", False, "Its owner or its source has withdrawn the medium or the record.")
    NOT_IMAGE = OutcomeInfo("screen", False, "The medium is a sound, a video, a map or a web page.")
    NOT_PRESENT = OutcomeInfo("screen", False, "The record states an absence.")
    LEAK_ID = OutcomeInfo("screen", False, "The medium or record is held out by a benchmark's list of ids.")
    LEAK_SPECIES = OutcomeInfo("screen", False, "The accepted species is one that a benchmark holds out as unseen.")
    NOT_SELECTED = OutcomeInfo(
        "screen", False, "The recipe does not choose it: the evidence names the key and the value."
    )
    LICENCE_UNKNOWN = OutcomeInfo("screen", False, "No licence is stated, or none that can be understood.")
    LICENCE_NOT_ALLOWED = OutcomeInfo("screen", False, "The licence is not one that the recipe allows.")
    NAME_UNRESOLVED = OutcomeInfo("screen", False, "The name is not in the taxonomy.")
    NAME_AMBIGUOUS = OutcomeInfo("screen", False, "The name belongs to several taxa and nothing decides between them.")
    RANK_TOO_HIGH = OutcomeInfo(
        "screen", False, "The taxon that the name is, or fell to, stands above the recipe's lowest rank."
    )
    BAD_URL = OutcomeInfo("screen", False, "The address is not an http(s) URL without credentials.")
    HOST_NOT_ALLOWED = OutcomeInfo("screen", False, "The address is on a host that the recipe does not allow.")
    MEDIA_LABEL_CONFLICT = OutcomeInfo("screen", False, "Records of the same medium name taxa that exclude each other.")
    MULTI_LABEL = OutcomeInfo(
        "screen", False, "One picture of several labelled organisms, and no box tells them apart."
    )
    SAME_MEDIUM = OutcomeInfo("screen", False, "Another record of the same medium goes on in its place.")
    # fetch: the bytes
    MISSING_FILE = OutcomeInfo("fetch", False, "The local store does not hold the file.")
    GONE = OutcomeInfo("fetch", False, "The host says that the medium does not exist (404 or 410).")
    BLOCKED = OutcomeInfo("fetch", False, "The host refuses us (401, 403 or 451).")
    ROBOTS_DISALLOWED = OutcomeInfo("fetch", False, "The host's robots.txt asks not to fetch this address.")
    OPTED_OUT_NOAI = OutcomeInfo("fetch", False, "The host reserves the medium from use for AI (X-Robots-Tag noai).")
    OPTED_OUT_NOIMAGEAI = OutcomeInfo("fetch", False, "The host reserves its images from use for AI (noimageai).")
    OPTED_OUT_NOINDEX = OutcomeInfo("fetch", False, "The host asks not to index the medium (X-Robots-Tag noindex).")
    OPTED_OUT_NOML = OutcomeInfo("fetch", False, "The host reserves the medium from machine learning (noml).")
    OPTED_OUT_TDM = OutcomeInfo("fetch", False, "The host reserves text and data mining rights (tdm-reservation).")
    HOST_DEAD = OutcomeInfo("fetch", True, "Not asked for: the host had none of the many media asked for before.")
    NOT_NEEDED = OutcomeInfo("fetch", False, "Not asked for: the recipe wants no more images of its taxon.")
    THROTTLED = OutcomeInfo("fetch", True, "The host still asked for patience (429 or 503) at the last attempt.")
    HTTP_ERROR = OutcomeInfo("fetch", True, "The host answered with another error.")
    TIMEOUT = OutcomeInfo("fetch", True, "The host did not answer, or not to the end, in time.")
    CONNECT_FAILED = OutcomeInfo("fetch", True, "No connection to the host, or it was cut.")
    DNS_FAILED = OutcomeInfo("fetch", True, "The host's name has no address.")
    TLS_FAILED = OutcomeInfo("fetch", True, "The host's certificate or TLS handshake was not acceptable.")
    BLOCKED_ADDRESS = OutcomeInfo("fetch", False, "The host resolves to a private or reserved address.")
    TOO_MANY_REDIRECTS = OutcomeInfo("fetch", False, "More redirects than allowed, or one to another scheme.")
    TOO_LARGE = OutcomeInfo("fetch", False, "More bytes than allowed.")
    SHORT_BODY = OutcomeInfo("fetch", True, "Fewer bytes than the host announced.")
    EMPTY = OutcomeInfo("fetch", False, "No bytes at all.")
    NOT_AN_IMAGE = OutcomeInfo("fetch", False, "The bytes are not an image, whatever the host called them.")
    UNSUPPORTED_FORMAT = OutcomeInfo("fetch", False, "An image format that is not on the allow-list.")
    TRUNCATED = OutcomeInfo("fetch", False, "The image breaks off before its end.")
    CORRUPT = OutcomeInfo("fetch", False, "The image cannot be decoded.")
    TOO_MANY_PIXELS = OutcomeInfo("fetch", False, "More pixels than allowed.")
    TOO_SMALL = OutcomeInfo("fetch", False, "The image or crop is smaller than allowed.")
    PLACEHOLDER = OutcomeInfo("fetch", False, "The host gives this picture in the place of many that it does not have.")
    BOX_OUTSIDE = OutcomeInfo("fetch", False, "The bounding box does not lie in the image that was fetched.")
    # likeness: the content
    LEAK_BYTES = OutcomeInfo("likeness", False, "The same bytes or pixels as a held-out image.")
    LEAK_HAMMING = OutcomeInfo("likeness", False, "Within the leak distance of a held-out image.")
    LEAK_OCCURRENCE = OutcomeInfo("likeness", False, "Of the same occurrence as an image that is held out.")
    LEAK_UNKNOWN = OutcomeInfo("likeness", False, "No hash can tell whether it is a held-out image.")
    LOW_INFORMATION = OutcomeInfo("likeness", False, "The image is too flat for its hash to tell it from others.")
    LABEL_CONFLICT = OutcomeInfo("likeness", False, "The same image is labelled with different taxa.")
    EXACT_DUPLICATE = OutcomeInfo("likeness", False, "The same image as a kept one.")
    NEAR_DUPLICATE = OutcomeInfo("likeness", False, "Within the duplicate distance of a kept image.")
    # select: whole-catalog decisions
    QUALITY = OutcomeInfo("select", False, "The recipe's condition on pictures does not choose the picture.")
    TOO_RARE = OutcomeInfo("select", False, "Its taxon has fewer images than the recipe asks for.")
    THINNED = OutcomeInfo(
        "select", False, "Others of its place and time stand for it, or it lies too near to those of another split."
    )
    OVER_QUOTA = OutcomeInfo("select", False, "Its taxon already has as many images as the recipe wants.")
    KEPT = OutcomeInfo("select", False, "In the shards.")

    @property
    def code(self) -> str:
        """The outcome as it is written in the ledger."""
        return self.name.lower()

    @property
    def info(self) -> OutcomeInfo:
        """Stage, retryability and meaning."""
        return self.value
