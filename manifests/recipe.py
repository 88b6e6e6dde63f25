"""The typed recipe: what to read, what to hold out, which rules apply, and how the shards are laid out.

Every field is plain data (str, int, float, bool or tuples of str), so that a recipe has one canonical JSON form and
one digest. Paths are relative to the folder of the recipe file; `manifests.loader` makes them absolute.
"""

from __future__ import annotations

from dataclasses import dataclass, field

SOURCE_KINDS = (
    *("gbif-dwca", "gbif-pages", "eol", "bioscan5m", "bioscan1m", "fathomnet", "inat-open-data", "biotrove"),
    *("lila", "coco-camera-traps", "camtrap-dp", "dwca"),
)
RANKS = ("kingdom", "phylum", "class", "order", "family", "genus", "species")


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """One release of one provider: where its files lie and what holds for all its rows."""

    name: str
    """Short name of the source, unique in the recipe; part of every record id, so never change it between runs."""
    kind: str
    """Which reader understands the files: one of SOURCE_KINDS."""
    path: str
    """The release: an archive, a file or a folder, as the provider publishes it."""
    release: str = ""
    """Release name kept with every record (DOI, download key, version); empty: taken from the files."""
    hierarchy: str = ""
    """EOL only: the Dynamic Hierarchy (zip, folder or taxon table) that names the manifest's pages."""
    media: str = ""
    """A local media store (folder or zip) that holds the images; empty: media are fetched from their URLs."""
    license: str = ""
    """Licence of rows that state none, as the provider's terms give it; empty: unknown."""
    priority: int = 100
    """Lower is preferred when the same image comes from several sources."""


@dataclass(frozen=True, slots=True)
class BenchmarkSpec:
    """A benchmark to hold out: nothing of it may reach the kept images."""

    name: str
    path: str
    """A folder of images, or a hash list (.parquet or .csv with any of sha256, pdq, phash, media_key, record_key)."""
    ids: str = ""
    """Optional CSV with columns media_key and/or record_key (source:id): held out by id, before any byte is fetched."""


@dataclass(frozen=True, slots=True)
class TaxonomyRules:
    """Which taxonomy names are matched against and which matches are good enough to keep."""

    sources: tuple[str, ...] = ("default",)
    """In order of priority: 'default' (shipped with the package) or paths of published taxonomies."""
    minimum_rank: str = "genus"
    """Records whose accepted name stands above this rank end as rank_too_high."""


@dataclass(frozen=True, slots=True)
class LicencePolicy:
    """Which licence families may enter; anything else ends as licence_not_allowed or licence_unknown."""

    allow: tuple[str, ...] = ("CC0", "PD", "PDM", "CC-BY", "CC-BY-SA", "CC-BY-NC", "CC-BY-NC-SA")
    allow_unknown: bool = False


@dataclass(frozen=True, slots=True)
class ExportRules:
    """Which images may leave the run through `biomill export`; no stage depends on it, so a change redoes nothing."""

    allow: tuple[str, ...] = ()
    """Licence families that may be exported although they do not let resized copies be passed on (ND, ARR), because
    you have permission or keep the copy to yourself."""
    allow_unknown: bool = False
    """Export images whose licence is not known."""


@dataclass(frozen=True, slots=True)
class FetchRules:
    """How media are fetched: who we are, which hosts may be asked, how politely, and within which caps."""

    contact: str = ""
    """Mail address or URL sent in the User-Agent, so that a host can reach you; required when a URL is fetched."""
    hosts: tuple[str, ...] = ()
    """Hosts that may be asked: 'example.org', '*.example.org' or 'host:port'; empty: any public host."""
    allow_private: tuple[str, ...] = ()
    """Hosts (host or host:port) that may resolve to a private or loopback address."""
    connect_to: tuple[str, ...] = ()
    """'host=address:port': ask that address for the host's media (mirrors, tests), as curl's --connect-to does; the
    user names the address, so it may be private. Not part of the digest: it says where bytes come from, not which."""
    per_host_rate: float = 10.0
    """Requests per second to one host, over all workers."""
    per_host_connections: int = 8
    """Open connections to one host, over all workers."""
    lanes: int = 2
    """A host's work is cut into this many lanes, each with its share of rate and connections."""
    unit_size: int = 200
    """Media per work unit."""
    connect_timeout: float = 10.0
    read_timeout: float = 15.0
    total_timeout: float = 60.0
    """Seconds that one URL may take, over all attempts' bodies."""
    attempts: int = 3
    max_retry_after: float = 60.0
    """Longest Retry-After, in seconds, that is waited for; a longer one ends the URL as throttled."""
    max_bytes: int = 50_000_000
    max_pixels: int = 100_000_000
    max_redirects: int = 5


@dataclass(frozen=True, slots=True)
class ImageRules:
    """How a decoded image becomes the stored one."""

    side: int = 256
    """Target side in pixels; images are only ever made smaller."""
    rule: str = "shortest"
    """Which side `side` bounds: 'shortest' or 'longest'."""
    quality: int = 90
    min_side: int = 32
    """Images and crops with a shorter side end as too_small."""


@dataclass(frozen=True, slots=True)
class LikenessRules:
    """When two images are the same, and when a training image leaks a held-out one (Hamming distance of PDQ-256)."""

    duplicate_distance: int = 10
    leak_distance: int = 30
    minimum_quality: int = 50
    """PDQ quality below which a hash carries too little information to merge or to clear an image."""
    low_information: str = "drop"
    """'drop' ends such images as low_information; 'keep' keeps them when no benchmark is held out."""


@dataclass(frozen=True, slots=True)
class SelectRules:
    """Whole-catalog decisions: quota and split."""

    validation_percent: float = 5.0
    cap_per_taxon: int = 0
    """Most images kept per accepted taxon; 0: no cap."""


@dataclass(frozen=True, slots=True)
class ShardRules:
    """Layout of the WebDataset shards."""

    prefix: str = "biomill"
    samples_per_shard: int = 10_000
    layout: str = "default"
    """'default' (jpg, txt, json) or 'bioclip' (and the five caption members of BioCLIP 2's loader)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a run must stop rather than go on."""

    reject_percent: float = 1.0
    """Largest share of malformed rows that a release may have."""
    memory_mb: int = 2048
    """Memory that SQL steps may use before they spill to disk."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A whole run, described."""

    name: str
    sources: tuple[SourceSpec, ...]
    seed: int = 0
    """Seed of the global shuffle and of the split; changes order, never content."""
    description: str = ""
    benchmarks: tuple[BenchmarkSpec, ...] = ()
    taxonomy: TaxonomyRules = field(default_factory=TaxonomyRules)
    licences: LicencePolicy = field(default_factory=LicencePolicy)
    export: ExportRules = field(default_factory=ExportRules)
    fetch: FetchRules = field(default_factory=FetchRules)
    image: ImageRules = field(default_factory=ImageRules)
    likeness: LikenessRules = field(default_factory=LikenessRules)
    select: SelectRules = field(default_factory=SelectRules)
    shards: ShardRules = field(default_factory=ShardRules)
    limits: Limits = field(default_factory=Limits)
