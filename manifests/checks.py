"""Which values a recipe may hold: one rule per key, and the few rules that tie keys together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from manifests.choice_checks import YEARS_EXPECTED, check_choice, is_years
from manifests.condition_columns import TABLES
from manifests.nearness import closest
from manifests.places import KeyPath, Places, show, spell
from manifests.problems import Problems
from manifests.recipe import (
    COORDINATES,
    LAYOUTS,
    RANKS,
    SCORE_KEYS,
    SOURCE_KINDS,
    BenchmarkSpec,
    ExportRules,
    FetchRules,
    HostRules,
    ImageRules,
    LicencePolicy,
    LikenessRules,
    Limits,
    PrivacyRules,
    Recipe,
    ScoresSpec,
    SelectRules,
    ShardRules,
    SourceSpec,
    TaxonomyRules,
)
from manifests.schema import is_table, keys_of
from manifests.sections.choice import Choice
from manifests.sections.shipped_rules import SHIPPED_RULES
from manifests.sections.splitting import SplitSpec, SplittingRules
from manifests.select_checks import SELECT_VALUE_RULES, SPLIT_VALUE_RULES, check_quotas, check_splits
from manifests.value_rules import Rule, above_zero, between, matching, one_of
from manifests.vocabularies import BASES, CATEGORIES, TAXON_RANKS

LICENCE_FAMILIES = (
    "CC0",
    "PD",
    "PDM",
    "CC-BY",
    "CC-BY-SA",
    "CC-BY-ND",
    "CC-BY-NC",
    "CC-BY-NC-SA",
    "CC-BY-NC-ND",
    "CDLA-Permissive",
    "ARR",
)
"""Families that a licence policy may allow; ARR is 'all rights reserved', PDM the Public Domain Mark,
CDLA-Permissive the data licence of most camera trap sets."""

SIDE_RULES = ("shortest", "longest")
CYKOOZ = "cykooz-resizer"
RESAMPLERS = ("pillow", CYKOOZ)
LOW_INFORMATION = ("drop", "keep")
LABEL_CONFLICT = ("quarantine", "drop", "ancestor")
OPT_OUTS = ("noai", "noimageai", "noindex", "noml", "tdm-reservation")
"""Opt-out signals of X-Robots-Tag, and of the TDM Reservation Protocol, that fetch understands."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_HOST = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?"
_ADDRESS = rf"(?:{_HOST}|\[[0-9A-Fa-f:.]+\])"
_PATTERN = rf"(?:\*\.)?{_ADDRESS}(?::\d{{1,5}})?"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def check(recipe: Recipe, places: Places) -> None:
    """Raise RecipeError for a value that breaks a rule, with its place and, where one is near, the word meant.

    >>> from manifests.recipe import SourceSpec
    >>> check(Recipe("a", (SourceSpec("b", "gbif-dwc", "c"),)), Places("a.toml"))
    Traceback (most recent call last):
        ...
    manifests.errors.RecipeError: 'sources[0].kind' is "gbif-dwc"
      where:  a.toml, key sources[0].kind
      expect: one of gbif-dwca, ...
      remedy: write 'gbif-dwca'
    """
    problems = Problems(places)
    check_noting(recipe, problems)
    problems.refuse()


def check_noting(recipe: Recipe, problems: Problems) -> None:
    """Note every value that breaks a rule, but for keys that are known to be wrong already."""
    _check_values(recipe, (), problems)
    _check_lists(recipe, problems)
    _check_hosts(recipe.fetch, problems)
    scores = tuple((each.name, None) for each in recipe.scores or ())
    check_choice(recipe.select, ("select",), problems, scores)
    for position, source in enumerate(recipe.sources):
        check_choice(source, ("sources", position), problems, scores)
    _check_unique_names("scores", [each.name for each in recipe.scores or ()], problems)
    _check_unique_names("sources", [source.name for source in recipe.sources], problems)
    _check_unique_names("benchmarks", [benchmark.name for benchmark in recipe.benchmarks], problems)
    _check_unique_names("splits", [split.name for split in recipe.splits or ()], problems)
    check_quotas(recipe, problems)
    check_splits(recipe, problems)
    _check_ties(recipe, problems)


def check_values(table: Any, path: KeyPath, places: Places) -> None:
    """Raise RecipeError for values of one table that break a rule, where it was made without a recipe.

    >>> check_values(ImageRules(side=64), ("image",), Places("the command line"))
    """
    problems = Problems(places)
    _check_values(table, path, problems)
    problems.refuse()


def check_fetch(rules: FetchRules, places: Places, image: ImageRules | None = None) -> None:
    """Raise RecipeError for values that break a rule, where fetch rules are made without a recipe.

    >>> check_fetch(FetchRules(connect_to=("example.org",)), Places("the command line"))
    Traceback (most recent call last):
        ...
    manifests.errors.RecipeError: 'fetch.connect_to[0]' is "example.org"
      where:  the command line, key fetch.connect_to[0]
      expect: 'host=address:port', ...
    """
    problems = Problems(places)
    _check_values(rules, ("fetch",), problems)
    if image is not None:
        _check_values(image, ("image",), problems)
    _check_hosts(rules, problems)
    problems.refuse()


def _check_values(table: Any, path: KeyPath, problems: Problems) -> None:
    for here, value, rule in _ruled_values(table, path):
        if not problems.spoilt(here) and not rule.holds(value):
            near = closest(value, rule.choices) if isinstance(value, str) else ""
            problems.add(here, f"'{spell(here)}' is {show(value)}", rule.expected, f"write {near!r}" if near else "")


def _check_hosts(rules: FetchRules, problems: Problems) -> None:
    names = [each.pattern.lower() for each in rules.host]
    for position, each in enumerate(rules.host):
        path: KeyPath = ("fetch", "host", each.pattern)
        first = rules.host[names.index(names[position])]
        if problems.within(path):
            continue
        if first is not each:
            others: tuple[KeyPath, ...] = (("fetch", "host", first.pattern),)
            what = f"'{spell(path)}' is the same host as '{spell(others[0])}'"
            problems.add(path, what, "each host once", "make one of the two", others)
        elif each.rate is None and each.connections is None and each.give_up_after is None:
            problems.add(path, f"'{spell(path)}' says nothing", "at least one of rate, connections, give_up_after")


def _ruled_values(table: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any, Rule]]:
    for key in keys_of(type(table)).values():
        value = getattr(table, key.name)
        rule = RULES.get((type(table), key.name))
        if value is None:
            continue
        if key.keyed_by:
            for item in value:
                yield from _ruled_values(item, (*path, key.name, getattr(item, key.keyed_by)))
            continue
        if key.name == getattr(table, "KEYED_BY", ""):  # the name of the table itself
            if rule is not None:
                yield path, value, rule
            continue
        items = enumerate(value) if key.many else ((None, value),)
        for position, item in items:
            here: KeyPath = (*path, key.name) if position is None else (*path, key.name, position)
            if is_table(key.type):
                yield from _ruled_values(item, here)
            elif rule is not None:
                yield here, item, rule


def _check_lists(recipe: Recipe, problems: Problems) -> None:
    lists: tuple[tuple[KeyPath, tuple[str, ...]], ...] = (
        (("withdraw",), recipe.withdraw),
        (("taxonomy", "sources"), recipe.taxonomy.sources),
        (("licences", "allow"), recipe.licences.allow),
        (("export", "allow"), recipe.export.allow),
        (("fetch", "hosts"), recipe.fetch.hosts),
        (("fetch", "allow_private"), recipe.fetch.allow_private),
        (("fetch", "connect_to"), recipe.fetch.connect_to),
        (("fetch", "opt_outs"), recipe.fetch.opt_outs),
        (("fetch", "mirrors"), recipe.fetch.mirrors),
        (("fetch", "placeholders"), recipe.fetch.placeholders),
    )
    for path, items in lists:
        for position, item in enumerate(items):
            here: KeyPath = (*path, position)
            if item in items[:position] and not problems.spoilt(here):
                problems.add(here, f"'{spell(path)}' holds {show(item)} twice", "each item once")
    if not recipe.sources and not problems.spoilt(("sources",)):
        problems.add(("sources",), "'sources' is empty", "at least one source", "add a [[sources]] table")
    if not recipe.taxonomy.sources and not problems.spoilt(("taxonomy", "sources")):
        problems.add(
            ("taxonomy", "sources"), "'taxonomy.sources' is empty", "at least one taxonomy", 'write ["default"]'
        )
    rights: tuple[KeyPath, ...] = (("licences", "allow"), ("licences", "allow_unknown"))
    if not recipe.licences.allow and not recipe.licences.allow_unknown and not problems.spoilt(*rights):
        problems.add(
            rights[0],
            "'licences.allow' is empty, so that no image may enter",
            "at least one of " + ", ".join(LICENCE_FAMILIES),
            others=rights[1:],
        )


def _check_unique_names(key: str, names: list[str], problems: Problems) -> None:
    for position, name in enumerate(names):
        first = names.index(name)
        path: KeyPath = (key, position, "name")
        if first < position and not problems.spoilt(path, (key, first, "name")):
            problems.add(
                path,
                f"'{spell(path)}' is {show(name)}, which is also the name of {key}[{first}]",
                f"a name of its own for each of the {key}",
                "rename one of them",
                others=((key, first, "name"),),
            )


def _check_ties(recipe: Recipe, problems: Problems) -> None:
    for position, source in enumerate(recipe.sources):
        path: KeyPath = ("sources", position, "hierarchy")
        kind: KeyPath = ("sources", position, "kind")
        if source.hierarchy and source.kind != "eol" and not problems.spoilt(path, kind):
            problems.add(
                path,
                f"source '{source.name}' of kind '{source.kind}' has a hierarchy",
                "a hierarchy only where kind is 'eol'",
                "remove the key",
                others=(kind,),
            )
    kept: KeyPath = ("image", "originals")
    rule: KeyPath = ("privacy", "coordinates")
    if recipe.image.originals and recipe.privacy.coordinates != "exact" and not problems.spoilt(kept, rule):
        problems.add(
            kept,
            "'image.originals' keeps the bytes as hosts sent them, with the position that a camera wrote into them",
            "originals only where privacy.coordinates is 'exact'",
            "leave out one of the two keys",
            others=(rule,),
        )


_NAME_RULE = Rule(
    "1 to 64 of a-z, 0-9, '_' and '-', beginning with a letter or digit", lambda v: _NAME.fullmatch(v) is not None
)
_LINE_RULE = Rule("text without control characters", lambda v: _CONTROL.search(v) is None)
_PATH_RULE = Rule("a path", lambda v: v.strip() != "" and _CONTROL.search(v) is None)
_OPTIONAL_PATH_RULE = Rule("a path, or ''", lambda v: v == "" or _PATH_RULE.holds(v))
_COUNT_RULE = between(1, 2**31 - 1)

_WORD_RULE = Rule(
    "text without control characters, not empty", lambda v: v.strip() != "" and _CONTROL.search(v) is None
)
_CHOICE_RULES: Mapping[str, Rule] = {
    "taxa": _WORD_RULE,
    "exclude_taxa": _WORD_RULE,
    "ranks": one_of(TAXON_RANKS),
    "years": Rule(YEARS_EXPECTED, is_years),
    "basis": one_of(BASES),
    "categories": one_of(CATEGORIES),
    "rules": one_of(tuple(SHIPPED_RULES)),
    "limit": between(1, 2**53),
    "sample": Rule("a number above 0, at most 1", lambda value: bool(0 < value <= 1)),
}

RULES: Mapping[tuple[type[Any], str], Rule] = {
    **{(table, name): rule for table in (Choice, SourceSpec, SelectRules) for name, rule in _CHOICE_RULES.items()},
    (Recipe, "name"): _NAME_RULE,
    (Recipe, "seed"): Rule("a signed 64-bit integer", lambda value: -(2**63) <= value < 2**63),
    (Recipe, "folder"): _OPTIONAL_PATH_RULE,
    (SourceSpec, "name"): _NAME_RULE,
    (SourceSpec, "kind"): one_of(SOURCE_KINDS),
    (SourceSpec, "path"): _PATH_RULE,
    (SourceSpec, "release"): _LINE_RULE,
    (SourceSpec, "hierarchy"): _OPTIONAL_PATH_RULE,
    (SourceSpec, "media"): _OPTIONAL_PATH_RULE,
    (SourceSpec, "license"): _LINE_RULE,
    (SourceSpec, "priority"): between(0, 1_000_000),
    (Recipe, "withdraw"): _PATH_RULE,
    (BenchmarkSpec, "name"): _NAME_RULE,
    (BenchmarkSpec, "path"): _PATH_RULE,
    (BenchmarkSpec, "ids"): _OPTIONAL_PATH_RULE,
    (BenchmarkSpec, "table"): _OPTIONAL_PATH_RULE,
    (TaxonomyRules, "sources"): _PATH_RULE,
    (TaxonomyRules, "minimum_rank"): one_of(RANKS),
    (TaxonomyRules, "minimum_confidence"): between(0, 100),
    (TaxonomyRules, "minimum_higher_confidence"): between(0, 100),
    (TaxonomyRules, "qualifiers"): one_of(("species", "genus")),
    (LicencePolicy, "allow"): one_of(LICENCE_FAMILIES),
    (ExportRules, "allow"): one_of(LICENCE_FAMILIES),
    # The contact becomes a request header, which a line break would end.
    (FetchRules, "contact"): Rule(
        "a mail address or URL in printable ASCII, or ''", lambda v: v.isascii() and _CONTROL.search(v) is None
    ),
    (FetchRules, "hosts"): matching(_PATTERN, "an ASCII 'host', '*.host' or 'host:port'"),
    (FetchRules, "allow_private"): matching(rf"{_ADDRESS}(?::\d{{1,5}})?", "an ASCII 'host' or 'host:port'"),
    (FetchRules, "connect_to"): matching(
        rf"{_PATTERN}={_ADDRESS}:\d{{1,5}}", "'host=address:port', or '*.host' or 'host:port' in place of the host"
    ),
    (FetchRules, "per_host_rate"): above_zero(1_000_000, "requests per second"),
    (FetchRules, "per_host_connections"): between(1, 1_000),
    (FetchRules, "lanes"): between(0, 1_000),
    (FetchRules, "unit_size"): between(1, 1_000_000),
    (FetchRules, "connect_timeout"): above_zero(3_600, "seconds"),
    (FetchRules, "first_byte_timeout"): above_zero(3_600, "seconds"),
    (FetchRules, "read_timeout"): above_zero(3_600, "seconds"),
    (FetchRules, "total_timeout"): above_zero(86_400, "seconds"),
    (FetchRules, "attempts"): between(1, 100),
    (FetchRules, "max_retry_after"): between(0, 86_400, "seconds"),
    (FetchRules, "patience"): between(0, 86_400, "seconds"),
    (FetchRules, "give_up_after"): between(1, 1_000_000),
    (FetchRules, "opt_outs"): one_of(OPT_OUTS),
    (FetchRules, "images_per_taxon"): between(0, 2**31 - 1),
    (FetchRules, "mirrors"): matching(r"https?://[^=]+=.+", "'https://host/prefix/=store'"),
    (FetchRules, "placeholder_addresses"): Rule(
        "0, or a number from 2 to 1,000,000", lambda value: value == 0 or 2 <= value <= 1_000_000
    ),
    (FetchRules, "placeholders"): matching("[0-9a-fA-F]{64}", "a SHA-256: 64 hexadecimal digits"),
    (FetchRules, "max_bytes"): between(1, 2**40, "bytes"),
    (FetchRules, "max_pixels"): between(1, 2**40, "pixels"),
    (FetchRules, "max_redirects"): between(0, 100),
    (HostRules, "pattern"): matching(_PATTERN, "an ASCII 'host', '*.host' or 'host:port', in quotes"),
    (HostRules, "rate"): above_zero(1_000_000, "requests per second"),
    (HostRules, "connections"): between(1, 1_000),
    (HostRules, "give_up_after"): between(1, 1_000_000),
    (ImageRules, "side"): between(1, 65_500, "pixels"),
    (ImageRules, "rule"): one_of(SIDE_RULES),
    (ImageRules, "quality"): between(1, 100),
    (ImageRules, "resampler"): one_of(RESAMPLERS),
    (ImageRules, "min_side"): between(1, 65_500, "pixels"),
    (LikenessRules, "duplicate_distance"): between(0, 256, "bits"),
    (LikenessRules, "leak_distance"): between(0, 256, "bits"),
    (LikenessRules, "minimum_quality"): between(0, 100),
    (LikenessRules, "low_information"): one_of(LOW_INFORMATION),
    (LikenessRules, "duplicate_residual"): between(0, 255, "grey levels"),
    (LikenessRules, "leak_phash_distance"): between(-1, 31, "bits"),
    (LikenessRules, "leak_pair_phash"): between(-1, 31, "bits"),
    (LikenessRules, "leak_pair_pdq"): between(-1, 256, "bits"),
    (LikenessRules, "leak_unknown"): one_of(LOW_INFORMATION),
    (LikenessRules, "label_conflict"): one_of(LABEL_CONFLICT),
    (SourceSpec, "cap_per_taxon"): _COUNT_RULE,
    **{(SelectRules, name): rule for name, rule in SELECT_VALUE_RULES.items()},
    **{
        (table, name): rule
        for table in (SplittingRules, SplitSpec)
        for name, rule in SPLIT_VALUE_RULES.items()
        if name in keys_of(table)
    },
    (SplitSpec, "keys"): _PATH_RULE,
    (ScoresSpec, "name"): Rule(
        "a-z, 0-9 and '_', beginning with a letter, at most 40; not records, names or media",
        lambda name: re.fullmatch("[a-z][a-z0-9_]{0,39}", name) is not None and name not in TABLES,
    ),
    (ScoresSpec, "path"): _PATH_RULE,
    (ScoresSpec, "key"): one_of(SCORE_KEYS),
    (ScoresSpec, "column"): Rule("the name of a column", bool),
    (ScoresSpec, "confidence"): between(0, 1),
    (PrivacyRules, "coordinates"): one_of(COORDINATES),
    (PrivacyRules, "threatened"): _OPTIONAL_PATH_RULE,
    (ShardRules, "prefix"): _NAME_RULE,
    (ShardRules, "samples_per_shard"): _COUNT_RULE,
    (ShardRules, "max_mb"): between(1, 2**23, "MB"),
    (ShardRules, "layout"): one_of(LAYOUTS),
    (Limits, "reject_percent"): between(0, 100, "percent"),
    (Limits, "memory_mb"): between(64, 2**24, "MB"),
}
"""The rule of each ruled key, by its dataclass and name."""
