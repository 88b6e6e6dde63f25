"""The typed recipe: what to read, what to hold out, which rules apply, and how the shards are laid out.

Every field is plain data (str, int, float, bool, tables of these, or tuples; None where nothing is said), so that a
recipe has one canonical JSON form and one digest. Paths are relative to the folder of the recipe file;
`manifests.loader` makes them absolute.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from manifests.sections.choice import Choice
from manifests.sections.select_rules import SelectRules as SelectRules
from manifests.sections.splitting import SplitSpec as SplitSpec
from manifests.sections.splitting import SplittingRules as SplittingRules

SOURCE_KINDS = (
    *("gbif-dwca", "gbif-pages", "eol", "bioscan5m", "bioscan1m", "fathomnet", "inat-open-data", "biotrove"),
    *("lila", "coco-camera-traps", "camtrap-dp", "dwca"),
)
SCORE_KEYS = (
    *("media_key", "record_key", "record_id", "occurrence_key", "source_record_id", "source_media_id"),
    *("media_url", "media_path", "file_name"),
)
COORDINATES = ("exact", "0.1", "none")
LAYOUTS = ("default", "lean", "bioclip", "treeoflife10m")
RANKS = ("kingdom", "phylum", "class", "order", "family", "genus", "species")


@dataclass(frozen=True, slots=True)
class SourceSpec(Choice):
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
    """A media store that holds the images: a folder, zip or tar, a folder of zip or tar parts, or an address such as
    s3://bucket/images; empty: media are fetched from their URLs."""
    license: str = ""
    """Licence of rows that state none, as the provider's terms give it; empty: unknown."""
    priority: int = 100
    """Lower is preferred when the same image comes from several sources."""
    cap_per_taxon: int | None = None
    """Most images that this source gives of a taxon of select.quota_rank."""


@dataclass(frozen=True, slots=True)
class BenchmarkSpec:
    """A benchmark to hold out: nothing of it may reach the kept images."""

    name: str
    path: str
    """A folder of images, a WebDataset (.tar), a hash list (.parquet or .csv), a benchmark manifest (.toml), or
    'shipped://NAME' for a manifest that comes with the package."""
    ids: str = ""
    """Optional CSV with any of media_key, record_key (source:id), occurrence_key and taxon: held out before any byte is
    fetched."""
    table: str = ""
    """The published table that the manifest's [columns] read, where the manifest itself names none."""
    unseen_species: bool = False
    """Hold out by accepted species too: every taxon that the benchmark's lists name."""


@dataclass(frozen=True, slots=True)
class ScoresSpec:
    """One file of scores, whose columns a condition names as NAME.column; a record without a score has NULL."""

    name: str
    """How conditions name it: a-z, 0-9 and '_', beginning with a letter; not records, names or media."""
    path: str
    """CSV or TSV (plain or .gz) or Parquet with a column of keys, the results of MegaDetector (.json), or the
    predictions of pybioclip (CSV with file_name and score)."""
    key: str
    """What the rows are of: media_key, record_key (source:id), record_id, occurrence_key, source_record_id,
    source_media_id, media_url, media_path, or file_name (what follows the last '/' of the path or the address)."""
    column: str | None = None
    """The column of the keys; not given: the one named as `key`, of pybioclip file_name."""
    confidence: float | None = None
    """Of a detector: boxes of less confidence are not counted; 0.2 where nothing is said."""


@dataclass(frozen=True, slots=True)
class TaxonomyRules:
    """Which taxonomy names are matched against and which matches are good enough to keep."""

    sources: tuple[str, ...] = ("default",)
    """In order of priority: 'default' (shipped with the package) or paths of published taxonomies."""
    languages: tuple[str, ...] = ("eng",)
    """Languages of common names (ISO 639 codes), the preferred first; any other language comes after them."""
    minimum_rank: str = "genus"
    """Records whose accepted name stands above this rank end as rank_too_high."""
    minimum_confidence: int = 80
    """Least confidence (0 to 100) of a match of the name itself; a worse one falls to the genus or a hint."""
    minimum_higher_confidence: int = 90
    """Least confidence of a match of the genus, or of a higher hint."""
    fuzzy: bool = True
    """Whether one differing letter per word is forgiven when no name fits as it is written."""
    qualifiers: str = "species"
    """What 'cf.' and '?' fall to: the 'species' that is compared with, or its 'genus'."""


@dataclass(frozen=True, slots=True)
class LicencePolicy:
    """Which licence families may enter; anything else ends as licence_not_allowed or licence_unknown."""

    allow: tuple[str, ...] = ("CC0", "PD", "PDM", "CC-BY", "CC-BY-SA", "CC-BY-NC", "CC-BY-NC-SA", "CDLA-Permissive")
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
class HostRules:
    """What one host, or every host of a pattern, bears: the keys of [fetch] that hold for all others are set aside.

    Written `[fetch.host."*.example.org"]`. The most specific pattern that says something speaks, key by key:
    'host:port' before 'host', before the longest '*.host'. The port of http and https is their own (80, 443).
    """

    KEYED_BY: ClassVar[str] = "pattern"
    """The key that TOML writes as the name of the table."""
    pattern: str
    """The name of the table: 'example.org', '*.example.org' (its subdomains) or 'host:port', as in `hosts`."""
    rate: float | None = None
    """Requests per second, over all workers; not given: per_host_rate."""
    connections: int | None = None
    """Open connections, over all workers; not given: per_host_connections."""
    give_up_after: int | None = None
    """Answers of one failing kind in a row that end the host; not given: fetch.give_up_after."""


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
    host is written as in `hosts`, and the most specific one speaks. The user names the address, so it may be private.
    Not part of the digest: it says where bytes come from, not which."""
    per_host_rate: float = 10.0
    """Requests per second to one host, over all workers."""
    per_host_connections: int = 8
    """Open connections to one host, over all workers."""
    lanes: int = 0
    """Tasks that share the work, each with its share of every host's rate and connections; a host's work is shared by
    as many tasks as it may have connections. 0: one per worker, or 16 where the runner does not say how many there are.
    Decides nothing of what is written, and is not part of the digest."""
    unit_size: int = 200
    """Media per work unit; hosts with fewer than 16 times as many are cut smaller, so that workers can share them."""
    connect_timeout: float = 10.0
    first_byte_timeout: float = 20.0
    """Seconds from a request to the end of the answer's head."""
    read_timeout: float = 15.0
    """Seconds that a host may fall silent within an answer."""
    total_timeout: float = 60.0
    """Seconds of network time that one URL may take, over all attempts' bodies."""
    attempts: int = 3
    """Requests for one URL; an answer of 429 or 503 is not one of them."""
    max_retry_after: float = 60.0
    """Longest Retry-After, in seconds, that is waited for; a longer one ends the URL as throttled."""
    patience: float = 300.0
    """Seconds that a host may go on answering 429 or 503 before the rest of its media end as throttled; also that the
    network may be lost before the run ends with exit status 3."""
    give_up_after: int = 20
    """Answers of one failing kind in a row (refusals; no connection or none in time), with no other between, after
    which a host's other media end without being asked for; for 404 and 410 it takes ten times as many, and of a host
    that gave media so many as are not likely by chance."""
    robots: bool = True
    """Read robots.txt of every host and keep to it, also to its Crawl-delay."""
    opt_outs: tuple[str, ...] = ("noai", "noimageai", "noindex", "noml", "tdm-reservation")
    """Opt-out signals in an answer's headers that are kept to; leave out those that do not concern your use."""
    images_per_taxon: int = 0
    """Images to fetch of each taxon of select.quota_rank, those first that select.prefer names; where some cannot be
    had, further candidates of the taxon take their place. 0: all are fetched."""
    until_quota: bool | None = None
    """Fetch what the quotas of [select] keep, and no more: further candidates of a taxon take the place of those that
    cannot be had, are duplicates, leak a held-out image or fail a condition on pictures, until its quota is met. With
    images_per_taxon so many are fetched in any case, to choose from."""
    mirrors: tuple[str, ...] = ()
    """'https://example.org/photos/=/data/photos': media whose URLs begin so are read from that store (a folder, zip,
    tar, or an address such as s3://...) where it holds them. Not part of the digest: it says where bytes come from."""
    placeholder_addresses: int = 5
    """Addresses of one host that, with the same bytes or the same final address for at least three accepted taxa of
    different genera, make a picture a placeholder; sizes of one picture count once. 0: only listed ones are."""
    placeholders: tuple[str, ...] = ()
    """SHA-256 of bytes that are known to be a placeholder, in hex; images of these bytes end so wherever they come
    from."""
    max_bytes: int = 50_000_000
    max_pixels: int = 100_000_000
    max_redirects: int = 5
    host: tuple[HostRules, ...] = ()
    """What single hosts bear: a host's tables take the place of per_host_rate, per_host_connections and
    give_up_after."""


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
    resampler: str = "pillow"
    """What makes images smaller: 'pillow' (Hamming filter), or 'cykooz-resizer' (bicubic, a fifth of the time, nearer
    to LANCZOS), which needs the extra `fast`. Each gives other pixels."""
    originals: bool = False
    """Also keep the fetched bytes of every stored image, as fetch/originals/AB/SHA256.jpg; EXIF and positions are in
    them as the host sent them."""


@dataclass(frozen=True, slots=True)
class LikenessRules:
    """When two images are the same, and when a training image leaks a held-out one (Hamming distance of PDQ-256)."""

    duplicate_distance: int = 10
    leak_distance: int = 30
    minimum_quality: int = 50
    """PDQ quality below which a hash carries too little information to merge or to clear an image."""
    low_information: str = "drop"
    """'drop' ends such images as low_information, 'keep' keeps them; where a benchmark is held out `leak_unknown`
    decides instead."""
    duplicate_residual: float = 6.0
    """Largest difference, in grey levels of a fitted 64 x 64 thumbnail's worst block, of two images that are called
    the same; 255 leaves the decision to the hash alone."""
    leak_phash_distance: int = -1
    """Leak distance of the 64-bit pHash, which also finds small crops but is less selective; -1: it is not compared."""
    leak_pair_phash: int = 10
    """An image also leaks when both hashes are near one held-out image under one turn of it: its pHash within this
    distance and its PDQ within leak_pair_pdq. So are found crops of 5 %, borders of 2 % and turns of 2 degrees, which
    neither hash tells by itself. -1 in either: the two are not compared together."""
    leak_pair_pdq: int = 90
    """PDQ distance of that rule; see leak_pair_phash."""
    leak_occurrence: bool = True
    """Other images of the occurrence of a leaking whole image leak too."""
    leak_unknown: str = "drop"
    """Images that no hash can clear of a held-out one: 'drop' ends them as leak_unknown, 'keep' keeps and
    counts them."""
    label_conflict: str = "quarantine"
    """The same image under taxa that exclude each other: 'quarantine' ends all and lists them for review, 'drop' ends
    them, 'ancestor' keeps one under the lowest taxon that all its labels share."""


@dataclass(frozen=True, slots=True)
class PrivacyRules:
    """What shards, JSON, catalog and exports say about the places where threatened taxa were seen."""

    coordinates: str = "exact"
    """Latitude and longitude: 'exact' as the source publishes them, '0.1' rounded to a tenth of a degree, 'none' left
    out. ingest/, which never leaves the run, holds what the source publishes."""
    threatened: str = ""
    """List of the taxa that `coordinates` holds for, what stands below them included: names, or keys of the taxonomy,
    one per line (.txt) or in a column taxon, scientific_name or accepted_id (.csv, .tsv); '': it holds for all."""


@dataclass(frozen=True, slots=True)
class ShardRules:
    """Layout of the WebDataset shards."""

    prefix: str = "biomill"
    samples_per_shard: int = 10_000
    """Samples of a shard on average; sizes vary by about 1 % at 10,000."""
    max_mb: int = 4096
    """Largest size of a shard in MB (1,000,000 bytes); above it more shards are made than samples_per_shard asks."""
    layout: str = "default"
    """'default' (jpg, txt, json), 'lean' (jpg, txt; the JSON as Parquet beside each shard), 'bioclip' (default and the
    five captions of BioCLIP 2's loader) or 'treeoflife10m' (default and the ten texts of TreeOfLife-10M)."""


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
    withdraw: tuple[str, ...] = ()
    """CSV files of what may not be used any more, with any of the columns media_key, record_key (source:id),
    occurrence_key, creator, rights_holder and key (of a sample), and source, reason, date if you like: such rows end as
    withdrawn, before any byte is fetched."""
    benchmarks: tuple[BenchmarkSpec, ...] = ()
    taxonomy: TaxonomyRules = field(default_factory=TaxonomyRules)
    licences: LicencePolicy = field(default_factory=LicencePolicy)
    export: ExportRules = field(default_factory=ExportRules)
    fetch: FetchRules = field(default_factory=FetchRules)
    image: ImageRules = field(default_factory=ImageRules)
    likeness: LikenessRules = field(default_factory=LikenessRules)
    select: SelectRules = field(default_factory=SelectRules)
    scores: tuple[ScoresSpec, ...] | None = None
    privacy: PrivacyRules = field(default_factory=PrivacyRules)
    splitting: SplittingRules | None = None
    splits: tuple[SplitSpec, ...] | None = None
    """Named splits in place of select.validation_percent."""
    shards: ShardRules = field(default_factory=ShardRules)
    limits: Limits = field(default_factory=Limits)
    folder: str = ""
    """Where relative paths of this file begin; empty: at the folder of the file. Not part of the digest: it says where
    the files are now."""
