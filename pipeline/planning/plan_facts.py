"""What a plan holds, as frozen data: the facts of `biomill plan`, of its JSON and of `plan.json`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Range:
    """A number that is not known exactly: the value that is reckoned with, within bounds."""

    low: int
    value: int
    high: int


@dataclass(frozen=True, slots=True)
class EndedRows:
    """Rows of a source that end before a byte is fetched, in one way."""

    stage: str
    outcome: str
    rows: int


@dataclass(frozen=True, slots=True)
class KeyRows:
    """Rows that one key of the recipe does not choose."""

    key: str
    rows: int


@dataclass(frozen=True, slots=True)
class SourceRows:
    """What becomes of the rows of one source up to the stage screen."""

    source: str
    rows: int
    """Rows of the release; those that became part of others are not counted."""
    candidates: int
    """Rows that are left, which a run would fetch."""
    ended: tuple[EndedRows, ...]
    """The others, in the order of the stages."""
    not_selected: tuple[KeyRows, ...]
    """Rows that the recipe does not choose, by key: a choice is no loss."""
    loss: str | None
    """The largest loss in one line, with its commonest cause and what changes it; None where nothing is lost."""


@dataclass(frozen=True, slots=True)
class HostRequests:
    """What one host would be asked."""

    host: str
    requests: int
    """Media, each asked for once; robots.txt, redirects and repetitions come on top."""
    mirrored: int
    """Media below the prefix of a mirror: asked of the host only where the mirror's store does not hold them."""
    rate: float
    """Requests per second that the recipe allows."""
    connections: int
    seconds: float
    """How long the requests take at that rate."""


@dataclass(frozen=True, slots=True)
class StoreMedia:
    """Media that are read from the local store of a source; nobody is asked for them."""

    source: str
    media: int


@dataclass(frozen=True, slots=True)
class Fetching:
    """Who would be asked, how often, and how long that takes."""

    media: int
    """Media that are wanted first: candidates that share one count once."""
    not_asked_first: int
    """Media that stand by, as `fetch.images_per_taxon` or `fetch.until_quota` asks for others first."""
    requests: int
    hosts: tuple[HostRequests, ...]
    """The slowest first."""
    stores: tuple[StoreMedia, ...]
    slowest: str | None
    """The host that the end of the fetch waits for; None where nobody is asked."""
    workers: int
    decode_seconds: float
    """CPU time of decoding, resizing and encoding, over all workers."""
    seconds: float
    """How long the fetch takes at least: as the slowest host, or as the decoding on so many workers."""


@dataclass(frozen=True, slots=True)
class Volume:
    """Bytes that are fetched, and bytes of the images as they are stored."""

    source: str
    media: int
    declared: int
    """Media whose width and height the release states."""
    fetched: Range
    images: int
    """Images that would be stored: whole media, and boxes of them."""
    stored: Range
    basis: str
    """What the bytes are reckoned from: 'declared sizes', 'assumed sizes', 'sample' or 'HEAD'."""


@dataclass(frozen=True, slots=True)
class LicenceImages:
    """Candidates of one family of licences, and what it permits; None: nobody knows."""

    family: str
    images: int
    may_share: bool | None
    may_change: bool | None
    may_sell: bool | None


@dataclass(frozen=True, slots=True)
class RankTaxa:
    """Accepted taxa of one rank."""

    rank: str
    taxa: int
    images: int


@dataclass(frozen=True, slots=True)
class TaxonImages:
    """One accepted taxon."""

    taxon: str
    rank: str
    images: int


@dataclass(frozen=True, slots=True)
class Below:
    """Taxa with fewer than so many images."""

    images: int
    taxa: int


@dataclass(frozen=True, slots=True)
class Bound:
    """What a floor or a cap of images per taxon would keep."""

    images_per_taxon: int
    taxa: int
    images: int


@dataclass(frozen=True, slots=True)
class TaxaPlan:
    """Accepted taxa of the candidates, and how unequal they are."""

    taxa: int
    ranks: tuple[RankTaxa, ...]
    single: int
    """Taxa with one image."""
    below: tuple[Below, ...]
    top: tuple[TaxonImages, ...]
    top_percent_taxa: int
    """How many taxa are the top 1 %, at least one."""
    top_percent_share: float
    """Their share of the images, 0 to 1."""
    floors: tuple[Bound, ...]
    caps: tuple[Bound, ...]


@dataclass(frozen=True, slots=True)
class Synonym:
    """A class of a benchmark whose name is that of another accepted taxon."""

    taxon: str
    """The class as the benchmark writes it."""
    accepted: str


@dataclass(frozen=True, slots=True)
class SameTaxon:
    """An accepted taxon that several classes of a benchmark name."""

    accepted: str
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BenchmarkPlan:
    """What one benchmark holds out."""

    benchmark: str
    items: int
    """Images, or rows of its hash list."""
    not_hashed: int
    """Items without a hash: no image is compared with them."""
    keys: int
    """Media keys, record keys and other ids."""
    classes: int
    """Distinct taxa that its lists name."""
    unresolved: int
    """Classes that the taxonomy does not hold, or holds several times."""
    synonyms: tuple[Synonym, ...]
    same_taxon: tuple[SameTaxon, ...]
    rows: int
    """Rows of the sources that it ends before they are fetched."""


@dataclass(frozen=True, slots=True)
class NameCount:
    """A name as the source writes it, and its rows."""

    name: str
    rows: int


@dataclass(frozen=True, slots=True)
class OpenNames:
    """Names of one outcome, the most frequent first."""

    outcome: str
    names: int
    rows: int
    top: tuple[NameCount, ...]


@dataclass(frozen=True, slots=True)
class StageNeeds:
    """What one stage leaves on the disk, and the CPU time that it takes."""

    stage: str
    rows: int
    disk_bytes: int
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Needs:
    """What a run needs of its machine."""

    disk_bytes: int
    memory_bytes: int
    stages: tuple[StageNeeds, ...]
    workers: int
    seconds: float
    """How long it takes on so many workers, its fetch included."""


@dataclass(frozen=True, slots=True)
class SampledOutcome:
    """How sampled candidates of a source ended; 'kept' are those that likeness kept."""

    source: str
    outcome: str
    rows: int


@dataclass(frozen=True, slots=True)
class Sampled:
    """What became of a sample of each source, fetched and compared."""

    per_source: int
    rows: int
    outcomes: tuple[SampledOutcome, ...]
    alike: int
    """Sampled rows that are the same image as another one in the sample."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How many images a run keeps."""

    low: int
    high: int
    estimate: int | None
    """The candidates times the sampled share that was kept; duplicates outside of the sample make it too high. None
    without a sample."""
    confidence: float
    """Of `low` and `high`: 1 where they are certain, 0.95 by a sample."""
    basis: str


@dataclass(frozen=True, slots=True)
class Heads:
    """What sampled HEAD requests said."""

    asked: int
    answered: int
    """With a length."""
    mean_bytes: int | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run of a recipe would give, told before a byte is fetched.

    Prints as `biomill plan` does.
    """

    recipe: str
    digest: str
    sources: tuple[SourceRows, ...]
    candidates: int
    kept: Kept
    fetching: Fetching
    volumes: tuple[Volume, ...]
    licences: tuple[LicenceImages, ...]
    taxa: TaxaPlan
    benchmarks: tuple[BenchmarkPlan, ...]
    names: tuple[OpenNames, ...]
    needs: Needs
    sample: Sampled | None
    heads: Heads | None

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self, width: int | None = None) -> Iterator[str]:
        """Yield the plan for people; `width`: of the terminal, None: any."""
        from pipeline.planning.plan_text import plan_lines

        return plan_lines(self, width)
