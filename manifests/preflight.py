"""What a recipe alone says about the end of its run, before any stage has begun.

A recipe can be valid and still be sure to lose a source, or to stop in the middle of the night. What can be known of
that from the recipe, and from a few facts about the kinds of its sources, is told here; what needs files to be opened
is for the pipeline to add. A finding that names a stage is an error from that stage on: a run that goes so far refuses
to start. Every other one is a warning, with which a run goes on, because what it loses may be meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from manifests.paths import DEFAULT_TAXONOMY
from manifests.places import show
from manifests.recipe import Recipe, SourceSpec

_RESERVED = (".test", ".example", ".invalid", ".localhost")
"""Top-level names that no host of the internet has (RFC 6761): a recipe that asks these alone has no real source."""
_UNKNOWN = ("", "UNKNOWN", "UNSPECIFIED", "AMBIGUOUS")


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What is known of a source without reading its rows."""

    rows_state_licences: bool = True
    """Whether rows may state a licence of their own."""
    family: str = ""
    """Licence family of rows that state none; '' or UNKNOWN, UNSPECIFIED, AMBIGUOUS: not known."""
    reads_media: bool = False
    """Whether the kind reads `media`, a store of its images."""
    has_addresses: bool | None = True
    """Whether its rows have addresses to fetch; None: some releases do."""
    needs_hierarchy: bool = False
    """Whether its rows have no names without `hierarchy`."""
    host: str = ""
    """The one host of all its addresses, where there is one."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that can be known before a run."""

    key: str
    """The key of the recipe that it is about."""
    problem: str
    remedy: str
    fatal_from: str = ""
    """The stage that could not be done; '': a warning."""

    @property
    def line(self) -> str:
        """The finding in one line.

        >>> Finding("fetch.contact", "nobody is named", "add one").line
        'fetch.contact: nobody is named; add one'
        """
        return f"{self.key}: {self.problem}; {self.remedy}"


def preflight(recipe: Recipe, facts: Mapping[str, SourceFacts]) -> list[Finding]:
    """Return what is known of a run before it starts, in the order of the recipe's sections.

    `facts`: by the name of the source; a source without facts is one whose rows say everything themselves.

    >>> recipe = Recipe("r", (SourceSpec("a", "lila", "a.csv", license="CC-BY-ND-4.0"),))
    >>> known = {"a": SourceFacts(rows_state_licences=False, family="CC-BY-ND")}
    >>> [(finding.key, finding.fatal_from) for finding in preflight(recipe, known)]
    [('sources.a.license', ''), ('taxonomy.sources', ''), ('fetch.contact', 'fetch')]
    """
    found: list[Finding] = []
    for source in recipe.sources:
        known = facts.get(source.name, SourceFacts())
        found += [*_licence(recipe, source, known), *_media(source, known)]
    return [
        *found,
        *_sources(recipe),
        *_taxonomy(recipe),
        *_contact(recipe, facts),
        *_hosts(recipe, facts),
        *_split(recipe),
    ]


def _licence(recipe: Recipe, source: SourceSpec, known: SourceFacts) -> Iterator[Finding]:
    """Warn of a licence for rows that state none which may not enter; silent where it is only not stated."""
    key, policy = f"sources.{source.name}.license", recipe.licences
    rows = "rows that state no licence" if known.rows_state_licences else "every row"
    if known.family in _UNKNOWN:
        if policy.allow_unknown or (known.rows_state_licences and not source.license):
            return
        said = (
            f"{show(source.license)} is not understood"
            if source.license
            else "the release states none, and none is given"
        )
        yield Finding(
            key,
            f"{said}: {rows} of it will end as licence_unknown",
            'state what the provider says, such as license = "CC-BY-4.0", or set licences.allow_unknown = true',
        )
    elif known.family not in policy.allow:
        yield Finding(
            key,
            f"{rows} of it will end as licence_not_allowed: {known.family} is not in licences.allow "
            f"({', '.join(policy.allow)})",
            f'add "{known.family}" to licences.allow if it may enter',
        )


def _media(source: SourceSpec, known: SourceFacts) -> Iterator[Finding]:
    key = f"sources.{source.name}.media"
    if source.media and not known.reads_media:
        yield Finding(
            key,
            f"sources of kind {source.kind} do not read it: their images are fetched from their addresses",
            "remove it, or name the store as a mirror of the addresses' prefix in fetch.mirrors",
        )
    elif not source.media and known.has_addresses is False:
        yield Finding(
            key,
            f"sources of kind {source.kind} list no addresses: without it every row will end as bad_url",
            "name the folder or archive that holds the images",
        )
    if known.needs_hierarchy and not source.hierarchy:
        yield Finding(
            f"sources.{source.name}.hierarchy",
            "its rows have no names without it: every row will end as name_unresolved",
            "name the provider's hierarchy, which gives the rows their names",
        )


def _sources(recipe: Recipe) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for source in recipe.sources:
        other = first.setdefault(str(source.path), source.name)
        if other != source.name:
            yield Finding(
                f"sources.{source.name}.path",
                f"it is the release of source {other} too: every row is read twice, and one of each two is dropped",
                "name each release once",
            )


def _taxonomy(recipe: Recipe) -> Iterator[Finding]:
    if recipe.taxonomy.sources == (DEFAULT_TAXONOMY,) and not _reserved(recipe.fetch.hosts):
        yield Finding(
            "taxonomy.sources",
            "the default taxonomy holds some hundred species for the demo and for tests: most names of a real release "
            "will end as name_unresolved or rank_too_high",
            "list published taxonomies, such as the GBIF backbone (docs/taxonomy.md says which and where)",
        )


def _reserved(hosts: tuple[str, ...]) -> bool:
    return bool(hosts) and all(_split_port(host)[0].endswith(_RESERVED) for host in hosts)


def _contact(recipe: Recipe, facts: Mapping[str, SourceFacts]) -> Iterator[Finding]:
    rules = recipe.fetch
    if rules.contact.strip():
        return
    asked = [source.name for source in recipe.sources if fetches(source, facts.get(source.name, SourceFacts()))]
    if not asked:
        return
    # Stores of our own, and hosts of our own, are read without a contact: whether they are all is for fetch to see.
    perhaps = bool(rules.mirrors or rules.allow_private or rules.connect_to) or all(
        facts.get(name, SourceFacts()).has_addresses is None for name in asked
    )
    yield Finding(
        "fetch.contact",
        f"nobody is named who asks, and the images of {', '.join(asked)} are fetched from their hosts",
        'add contact = "you@example.org" under [fetch], a mail address or URL of your own',
        "" if perhaps else "fetch",
    )


def fetches(source: SourceSpec, known: SourceFacts) -> bool:
    """Return whether a source's images may be fetched from their hosts.

    >>> fetches(SourceSpec("a", "eol", "a.tgz"), SourceFacts())
    True
    """
    return known.has_addresses is not False and not (source.media and known.reads_media)


def _hosts(recipe: Recipe, facts: Mapping[str, SourceFacts]) -> Iterator[Finding]:
    rules = recipe.fetch
    if not rules.hosts:
        return
    listed = ", ".join(rules.hosts)
    for source in recipe.sources:
        known = facts.get(source.name, SourceFacts())
        if known.host and fetches(source, known) and not meet(rules.hosts, known.host):
            yield Finding(
                "fetch.hosts",
                f"every row of source {source.name} will end as host_not_allowed: its images lie on {known.host}, "
                f"which is not among {listed}",
                f'add "{known.host}"',
            )
    for mirror in rules.mirrors:
        prefix = mirror.partition("=")[0]
        host = prefix.partition("://")[2].partition("/")[0]
        if not meet(rules.hosts, host):
            yield Finding(
                "fetch.mirrors",
                f"the mirror of {prefix} is never read: addresses on {host} end as host_not_allowed, as fetch.hosts "
                f"lists {listed}",
                f'add "{host}" to fetch.hosts',
            )
    stated = (
        ("host", tuple(each.pattern for each in rules.host)),
        ("allow_private", rules.allow_private),
        ("connect_to", tuple(each.partition("=")[0] for each in rules.connect_to)),
    )
    for key, patterns in stated:
        for pattern in patterns:
            if not meet(rules.hosts, pattern):
                yield Finding(
                    f"fetch.{key}",
                    f"what is said of {pattern} never holds: no such host is asked, as fetch.hosts lists {listed}",
                    f'add "{pattern}" to fetch.hosts, or remove it',
                )


def _split(recipe: Recipe) -> Iterator[Finding]:
    percent = recipe.select.validation_percent
    if percent in (0, 100) and recipe.splits is None:
        empty = "validation" if percent == 0 else "training"
        yield Finding(
            "select.validation_percent",
            f"it is {percent:g}: no image goes to the {empty} split",
            "give a number between, such as 5, unless that is meant",
        )


def meet(patterns: tuple[str, ...], other: str) -> bool:
    """Return whether some host can match one of the patterns and another one: 'host', '*.host', each with a port or
    none.

    >>> meet(("*.example.org",), "a.example.org:8080"), meet(("example.org",), "*.example.org")
    (True, False)
    """
    name, port = _split_port(other)
    for pattern in patterns:
        own, own_port = _split_port(pattern)
        if None not in (port, own_port) and port != own_port:
            continue
        wide, narrow = (own, name) if own.startswith("*.") else (name, own)
        if wide == narrow or (wide.startswith("*.") and narrow.removeprefix("*").endswith(wide[1:])):
            return True
        if narrow.startswith("*.") and wide.startswith("*.") and wide[1:].endswith(narrow[1:]):
            return True
    return False


def _split_port(pattern: str) -> tuple[str, str | None]:
    """Return host and port of a pattern, in lower case; an IPv6 address stands in brackets."""
    text = pattern.strip().lower()
    name, colon, port = text.rpartition(":")
    if colon and port.isdigit() and (not name.count(":") or name.endswith("]")):
        return name, port
    return text, None
