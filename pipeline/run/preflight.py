"""What can be known before a run: what the recipe says, and what a look into its files adds.

`biomill recipe` prints it, and a run prints it before its first stage; a run that is sure to fail does not start.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from dedup import read_hash_list
from manifests import BenchmarkSpec, Recipe, RecipeError, SourceSpec, is_remote
from manifests.paths import DEFAULT_TAXONOMY, as_given
from manifests.preflight import Finding, SourceFacts, fetches, meet, preflight
from pipeline.choosing.chosen_taxa import find_taxa
from pipeline.choosing.rules import taxon_rules
from pipeline.likeness.held_out_ids import held_out_sources
from pipeline.likeness.sets import wanted
from pipeline.model.errors import SourceError
from pipeline.model.licences import normalise_licence
from pipeline.scores.joined import check_scores
from pipeline.sources import open_source
from pipeline.sources.known import KNOWN
from pipeline.sources.release.address_sample import sampled_hosts
from pipeline.storage.run_folder import STAGES
from taxonomy import Taxonomy, build_taxonomy
from taxonomy.names.ranks import SEVEN


def known_before(recipe: Recipe) -> list[Finding]:
    """Return what is known of a run of the recipe before its first stage; paths must exist (`check_paths`).

    Addresses with a scheme are not opened. Raises RecipeError for a benchmark that can hold nothing out, and for
    taxa to choose that the taxonomy has not, and for scores that cannot be joined.
    """
    facts = {source.name: source_facts(source) for source in recipe.sources}
    found = preflight(recipe, facts)
    for benchmark in recipe.benchmarks:
        found += _benchmark(benchmark)
    _chosen_taxa(recipe)
    check_scores(recipe)
    return [*found, *_addresses(recipe, facts), *_mirrors(recipe), *_ranks(recipe)]


def _chosen_taxa(recipe: Recipe) -> None:
    """Look whether a taxonomy that is built already, or ships with the package, has the taxa that are chosen.

    Raises RecipeError for one that it has not; of published files resolve, which reads them, says the same.
    """
    sources = recipe.taxonomy.sources
    if not taxon_rules(recipe) or len(sources) > 1:
        return
    if sources[0] == DEFAULT_TAXONOMY:
        with tempfile.TemporaryDirectory(prefix="biomill-taxa-") as scratch:
            build_taxonomy([DEFAULT_TAXONOMY], Path(scratch) / "taxonomy")
            find_taxa(recipe, Taxonomy.open(Path(scratch) / "taxonomy"))
    elif (Path(sources[0]) / "MANIFEST.json").exists():
        find_taxa(recipe, Taxonomy.open(sources[0]))


def source_facts(source: SourceSpec) -> SourceFacts:
    """Return what is known of a source: by its kind, by the recipe, and by the licence that its release states whole.

    >>> source_facts(SourceSpec("a", "lila", "a.csv", license="CDLA-Permissive-1.0")).family
    'CDLA-Permissive'
    """
    known = KNOWN[source.kind]
    if source.license:
        known = dataclasses.replace(known, family=normalise_licence(source.license).family)
    if source.kind == "camtrap-dp" and not is_remote(source.path):
        # The package states one licence for all its media, which goes before that of the recipe.
        try:
            stated = open_source(source.kind).inspect(source).license
        except SourceError:
            stated = ""  # ingest, the first stage, says what is wrong with it
        if stated:
            known = dataclasses.replace(known, rows_state_licences=False, family=normalise_licence(stated).family)
    return known


def refuse(findings: list[Finding], until: str) -> None:
    """Raise RecipeError when a run up to a stage is sure to fail; all that it fails of is named.

    >>> refuse([Finding("fetch.contact", "nobody is named", "add one", "fetch")], "screen")
    >>> refuse([Finding("fetch.contact", "nobody is named", "add one", "fetch")], "catalog")
    Traceback (most recent call last):
        ...
    manifests.errors.RecipeError: nobody is named
      where:  key fetch.contact
      expect: ...
    """
    last = STAGES.index(until)
    fatal = [each for each in findings if each.fatal_from and STAGES.index(each.fatal_from) <= last]
    if fatal:
        raise RecipeError(
            "; ".join(each.problem for each in fatal),
            ", ".join(f"key {each.key}" for each in fatal),
            f"what the stage {fatal[0].fatal_from} needs, before the run starts",
            "; ".join(each.remedy for each in fatal),
        )


def _benchmark(spec: BenchmarkSpec) -> Iterator[Finding]:
    """Look whether a benchmark holds anything out; raises RecipeError where it is sure that it does not."""
    if any(is_remote(path) and not path.startswith("shipped://") for path in (spec.path, spec.ids, spec.table)):
        return
    sources = held_out_sources(spec)
    key = f"benchmarks.{spec.name}"
    images, hashes = False, False
    if sources.images:
        root = Path(sources.images)
        # One is enough to know, however many there are.
        images = any(path.is_file() and wanted(path.name) for path in root.rglob("*")) if root.is_dir() else True
    if sources.hashes:
        hashes = read_hash_list(Path(sources.hashes)).num_rows > 0
    if not (images or hashes or sources.keys):
        raise RecipeError(
            f"benchmark {spec.name!r} would hold nothing out: it has no images, no hashes and no ids",
            where=f"key {key}.path: {spec.path}",
            expected="a folder or .tar of images, a hash list with rows, or ids",
            remedy="give the folder that holds the held-out images, their hash list, or their ids as `ids`",
        )
    for name, given, some, what in (
        ("path", sources.images, images, "images"),
        ("path", sources.hashes, hashes, "hashes"),
        ("ids", spec.ids, bool(sources.keys), "ids"),
    ):
        if given and not some:
            yield Finding(f"{key}.{name}", f"it has no {what}: {given}", f"give its {what}, or remove the key")
    if sources.unseen_species and not any(row.get("taxon") for row in sources.keys) and not sources.hashes:
        yield Finding(
            f"{key}.unseen_species",
            "it holds out by species, and lists no taxon",
            "give a table or ids with a column taxon",
        )


def _addresses(recipe: Recipe, facts: Mapping[str, SourceFacts]) -> Iterator[Finding]:
    """Look whether the first image addresses of a release all lie on hosts that may not be asked."""
    if not recipe.fetch.hosts:
        return
    for source in recipe.sources:
        if is_remote(source.path) or facts[source.name].host or not fetches(source, facts[source.name]):
            continue
        hosts = sampled_hosts(Path(source.path))
        allowed = [host for host in hosts if meet(recipe.fetch.hosts, host)]
        if hosts and not allowed:
            named = ", ".join(f"{host} ({count:,})" for host, count in sorted(hosts.items(), key=_commonest)[:3])
            yield Finding(
                "fetch.hosts",
                f"the first {hosts.total():,} image addresses of source {source.name} lie on {named}: "
                f"their rows end as host_not_allowed, as fetch.hosts lists {', '.join(recipe.fetch.hosts)}",
                "add the hosts of its images",
            )


def _commonest(counted: tuple[str, int]) -> tuple[int, str]:
    return -counted[1], counted[0]


def _mirrors(recipe: Recipe) -> Iterator[Finding]:
    for mirror in recipe.fetch.mirrors:
        prefix, _, store = mirror.partition("=")
        if not is_remote(store) and not Path(store).exists():
            yield Finding(
                "fetch.mirrors",
                f"the store of {prefix} is not there: {store}",
                "give its path, from the folder of the recipe, before fetch begins",
            )


def _ranks(recipe: Recipe) -> Iterator[Finding]:
    """Look whether a built taxonomy has the rank that names must have."""
    sources, rank = recipe.taxonomy.sources, recipe.taxonomy.minimum_rank
    path = Path(sources[0]) / "ranks.npy"
    if len(sources) > 1 or sources[0] == DEFAULT_TAXONOMY or is_remote(sources[0]) or not path.exists():
        return
    ranks = np.load(path, mmap_mode="r", allow_pickle=False)
    if not (ranks[:, SEVEN.index(rank)] >= 0).any():
        yield Finding(
            "taxonomy.minimum_rank",
            f"no taxon of {as_given(sources[0])} has a {rank}: every row will end as rank_too_high",
            "give a higher rank, or a taxonomy that has it",
        )
