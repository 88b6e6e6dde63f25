"""Fetch: the only stage that meets the network. Candidates become stored images, hashes and outcomes.

Media are grouped by host, and a host's media cut into work units by their ids. A task works off units of many hosts at
once, with its share of every host's rate and connections, so a host's limits hold for any number of workers on any
runner. A unit writes `blobs/UNIT.bin` (the encoded images, one after
another) and then `media/UNIT.parquet`, whose presence says that the unit is done; what a unit has got so far is in
its journal (`pipeline.media.journal`). When a round is done its units are gathered into parts (`pipeline.media.parts`).

A medium that could not be had at its own address is asked for at its alternates (`pipeline.stages.one_medium`), in
order, one round after the other, so that every round keeps to the limits of its hosts. A record keeps its labels and
rights wherever its medium came from; `attempts/` lists every address that was tried for such a record, and how it
ended. Where the recipe says how many images of a taxon it wants, only so many are asked for, and then as many further
candidates of the taxon as were lost, until there are enough or no candidates left (`pipeline.quotas.asked`).

When all that is asked for has its answer, placeholders are decided over all units (`stages.fetch_placeholders`). They
count as not arrived: their records are asked for at their alternates, their taxa at further candidates, and so on until
nothing new is found. Then, where quotas are to be met, what arrived is judged as likeness and select will
(`stages.fetch_judged`), and further candidates stand in for what they would end. What the unit files hold is not
changed, so every step is the same when a killed run takes it again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from manifests import FetchRules, Recipe, is_remote
from manifests.paths import as_given
from pipeline.judgement.staying import judging_parts
from pipeline.media import open_store
from pipeline.media.media_schema import MEDIA_SCHEMA
from pipeline.media.network_loss import nobody_answered
from pipeline.media.parts import remove_part
from pipeline.media.published_reuse import publish_reused
from pipeline.media.stores.published_store import publish_store
from pipeline.media.work import FetchUnits
from pipeline.quotas.asked import Asking, asking_parts, wants
from pipeline.quotas.counted_rows import once_sql
from pipeline.quotas.listed_taxa import note_listed
from pipeline.stages import fetch_placeholders, fetch_plan, fetch_sql
from pipeline.stages.base import Balance, Context, Stage, balance_of, file_digest, plan_outputs, recipe_parts
from pipeline.stages.fetch_judged import forget_judged, judged_lost
from pipeline.stages.fetch_work import gather, missing_units, work_off
from pipeline.stages.one_medium import ALTERNATES
from pipeline.storage import database as sql
from pipeline.storage.files.atomic import write_table
from pipeline.storage.places import Place, address_of, matching
from pipeline.storage.statements import Statements
from pipeline.storage.unit_files import PART, listed, unit_path

if TYPE_CHECKING:
    from pipeline.engine.engine import Engine
    from pipeline.storage.places.publisher import Publisher

__all__ = ["MEDIA_SCHEMA", "Fetch", "note_retry"]

_SQL = Statements(__name__)
_RULES = ("image", "fetch.max_bytes", "fetch.max_pixels", "fetch.robots", "fetch.opt_outs")
_IMAGE_SECONDS = 10e-3
"""CPU seconds that an image takes, at least; one of a megapixel takes three times as long."""


@dataclass(slots=True)
class Round:
    """What was asked for in one round: its units, and the parts in which they stand once it is done."""

    units: list[str]
    parts: list[str] = field(default_factory=list)


class Fetch(Stage):
    """The fetch stage."""

    name = "fetch"
    version = 9
    sections = (
        *(*_RULES, "fetch.unit_size", "fetch.images_per_taxon"),
        *("fetch.placeholder_addresses", "fetch.placeholders"),
    )
    upstream = ("screen", "resolve")

    def more_parts(self, recipe: Recipe) -> dict[str, Any]:
        """Return what decides who is asked for, and until when, where not everybody is."""
        judging = {"judging": judging_parts(recipe)} if recipe.fetch.until_quota else {}
        return {**asking_parts(recipe), **judging}

    def inputs(self, context: Context) -> dict[str, str]:
        """Digest what the local stores list, and what was asked for again."""
        digests = {f"{name}/media": digest for name, digest in self._listings(context).items()}
        for path in matching(context.folder.stage(self.name), "retries/*.parquet"):
            digests[f"fetch/{path.name}"] = file_digest(path)
        return digests

    def inputs_now(self, context: Context) -> dict[str, str]:
        """Return `inputs`: what was asked for again is in the run's folder, whoever lacks the stores."""
        return self.inputs(context)

    def _listings(self, context: Context) -> dict[str, str]:
        """Return what the local store of every source lists."""
        if self.taken is not None:
            return dict(self.kept["listings"])
        return {spec.name: _listing(spec.media) for spec in context.recipe.sources if spec.media}

    def paths(self, recipe: Recipe) -> list[str]:
        """Return the local stores, and the mirrors."""
        stores = [rule.partition("=")[2] for rule in recipe.fetch.mirrors]
        return [
            *(spec.media for spec in recipe.sources if spec.media),
            *(path for path in stores if not is_remote(path)),
        ]

    def states(self, context: Context) -> dict[str, str]:
        """Return what the stores list."""
        return {as_given(path): _listing(path) for path in self.paths(context.recipe) if Path(path).exists()}

    def keep(self, context: Context, publisher: Publisher) -> dict[str, Any]:
        """Publish the stores and the mirrors."""
        text = {path: publish_store(Path(path), publisher).text() for path in self.paths(context.recipe)}
        pairs = [rule.partition("=") for rule in context.recipe.fetch.mirrors]
        return {
            "stores": {spec.name: text[spec.media] for spec in context.recipe.sources if spec.media},
            "mirrors": {prefix: text[store] for prefix, _, store in pairs if store in text},
            "listings": self._listings(context),
        }

    def _rules(self, rules: FetchRules) -> FetchRules:
        """Return the rules with the mirrors as units read them."""
        kept = self.kept.get("mirrors", {})
        pairs = [rule.partition("=") for rule in rules.mirrors]
        return replace(rules, mirrors=tuple(f"{prefix}={kept.get(prefix, store)}" for prefix, _, store in pairs))

    def run(self, context: Context, engine: Engine) -> dict[str, Any]:
        """Cut the candidates into units, fetch what is missing, and write who arrived."""
        folder, run = context.folder.stage(self.name), context.folder
        write_table(folder / "media" / "-schema.parquet", MEDIA_SCHEMA.empty_table())
        asked_for: dict[str, Round] = {}
        candidates = sql.parquet(run.stage("screen") / "candidates")
        names = sql.parquet(run.stage("resolve") / "names")
        asked = candidates
        with sql.connect(context.recipe.limits.memory_mb, run.root) as con:
            fetch_placeholders.begin(con)
            asking = self._asking(con, context, candidates, names) if wants(context.recipe) else None
            if asking:
                asked = f"(SELECT c.* FROM {candidates} c SEMI JOIN asked USING (record_id))"
            for step in count():
                more = self._more(context, asking, asked, folder, asked_for) if asking else 0
                if step and not more:
                    # All that is asked for has its answer: what is a placeholder now is asked for elsewhere.
                    found = fetch_placeholders.decide(
                        con, asked, _files(folder, asked_for), names, context.recipe.fetch
                    )
                    if found:
                        context.progress(f"fetch: {found:,} images are placeholders")
                    elif not asking or not self._judged_more(context, engine, asking, asked, folder, asked_for):
                        break
                for place in range(ALTERNATES + 1):
                    media = fetch_placeholders.judged(_files(folder, asked_for))
                    source = f"(SELECT * FROM {asked} WHERE image_id NOT IN (SELECT image_id FROM {media}))"
                    if place:
                        source = fetch_sql.alternates_sql(asked, media, place)
                    self._round(con, context, engine, source, f"{step}-{place}", asked_for)
            _remove_stale(folder, asked_for)
            fetch_plan.note_answered(folder)
            placeholders = self._find_placeholders(con, context, folder, candidates, asked, asking)
            forget_judged(context)
        return {"units": sum(len(each.units) for each in asked_for.values()), "placeholders": placeholders}

    def _asking(self, con: duckdb.DuckDBPyConnection, context: Context, candidates: str, names: str) -> Asking:
        """Return who is to be asked for, with the order of all candidates, which is written beside the plans."""
        stage, asking = context.folder.stage, Asking(con, context.recipe)
        records = once_sql(sql.parquet(stage("ingest") / "records"), sql.parquet(stage("screen") / "ledger"))
        note_listed(con, context.recipe, context.folder, context.taxonomy)
        asking.begin(candidates, names, records)
        query = "SELECT record_id, taxon, nth AS place FROM asking_order ORDER BY record_id"
        sql.copy(con, query, stage(self.name) / "order.parquet")
        return asking

    def _more(self, context: Context, asking: Asking, asked: str, folder: Place, asked_for: Mapping[str, Round]) -> int:
        """Ask for further candidates in the place of those that did not arrive; return their number."""
        if asking.times:
            arrived = _arrived(asked, folder, asked_for)
            asking.lose(f"SELECT record_id FROM asked EXCEPT SELECT record_id FROM ({arrived})", judged=False)
        more = asking.more()
        if more and asking.times > 1:
            context.progress(f"fetch: {more:,} further candidates for taxa that lack images")
        return more

    def _judged_more(
        self,
        context: Context,
        engine: Engine,
        asking: Asking,
        asked: str,
        folder: Place,
        asked_for: Mapping[str, Round],
    ) -> int:
        """Ask for further candidates in the place of those that later stages would end; return their number."""
        if not asking.judges:
            return 0
        arrived, parts = _arrived(asked, folder, asked_for), {"-schema", *_parts(asked_for)}
        done = " ".join(sorted(_units(asked_for)))
        asking.lose(judged_lost(asking.con, context, engine, arrived, parts, done), judged=True)
        more = asking.more()
        if more:
            context.progress(f"fetch: {more:,} further candidates in the place of images that would not be kept")
        return more

    def _round(
        self,
        con: duckdb.DuckDBPyConnection,
        context: Context,
        engine: Engine,
        wanted: str,
        round_: str,
        asked_for: dict[str, Round],
    ) -> None:
        """Plan one round, fetch what is missing of it, gather it, and add it to those that are asked for."""
        folder, recipe = context.folder.stage(self.name), context.recipe
        digest = fetch_plan.rules_digest({**recipe_parts(recipe, _RULES), "version": self.version})
        units = fetch_plan.write_plan(
            con, fetch_plan.with_retries(wanted, folder), folder, round_, recipe.fetch, digest
        )
        if not units:
            fetch_plan.remove_plan(folder, round_)
            return
        asked_for[round_] = Round([each.unit for each in units])
        todo = missing_units(folder, units)
        plan_outputs(context, self.name, (), rounds={name: len(each.units) for name, each in asked_for.items()})
        context.progress(f"fetch: {len(units) - len(todo):,} of {len(units):,} work units were there")
        if not todo:
            asked_for[round_].parts += gather(engine, folder, round_, units)
            return
        reuse = fetch_plan.write_reuse(con, folder, round_, digest, _earlier(context, folder, digest, asked_for))
        if reuse and context.publisher:
            publish_reused(folder / reuse, context.publisher, fetch_plan.READ_ROWS)
        stores = {spec.name: spec.media for spec in recipe.sources} | self.kept.get("stores", {})
        work = FetchUnits(address_of(folder), self._rules(recipe.fetch), recipe.image)
        engine.expect(self.name, _IMAGE_SECONDS * sum(each.rows for each in todo))
        for line in work_off(engine, work, todo, round_, reuse, stores):
            context.progress(line)
        (folder / fetch_plan.reuse_name(round_)).unlink(missing_ok=True)
        asked_for[round_].parts += gather(engine, folder, round_, units)
        lost = nobody_answered(con, _files(folder, asked_for))
        if lost is not None:
            # What no host was reached for is not kept as an outcome, so that the same command asks for it.
            for part in _parts(asked_for):
                remove_part(folder, part)
            for unit in _units(asked_for):
                (folder / "blobs" / f"{unit}.bin").unlink(missing_ok=True)
            raise lost

    def _find_placeholders(
        self,
        con: duckdb.DuckDBPyConnection,
        context: Context,
        folder: Place,
        candidates: str,
        asked: str,
        asking: Asking | None,
    ) -> int:
        """Write which candidates arrived, and how the others ended; return the number of placeholders."""
        media = fetch_placeholders.judged(sql.parquet(folder / "media"))
        con.execute(f"CREATE OR REPLACE TEMP TABLE tried AS {fetch_sql.attempts_sql(asked, media)}")
        sql.copy(
            con,
            "SELECT record_id, source, place, address, image_id, outcome, detail FROM tried ORDER BY record_id, place",
            folder / "attempts" / "part.parquet",
        )
        arrived = fetch_sql.arrived_sql(asked, media, "tried")
        sql.copy(con, f"{arrived} ORDER BY record_id", folder / "arrived" / "part.parquet")
        ended = fetch_sql.ended_sql(asked, media, "tried")
        if asking:
            asking.note_unasked()
            left = fetch_sql.not_needed_sql(candidates)
            ended = f"SELECT * FROM ({fetch_sql.substituted_sql(ended)}) UNION ALL {left}"
        sql.copy(con, f"SELECT * FROM ({ended}) ORDER BY row_id", folder / "ledger" / "part.parquet")
        return fetch_placeholders.write(con, folder)

    def balance(self, context: Context, facts: Mapping[str, Any]) -> list[Balance]:
        """Candidates = arrived + ended."""
        folder = context.folder.stage(self.name)
        return balance_of(context, context.folder.stage("screen") / "candidates", folder / "arrived", folder / "ledger")


def _listing(path: str) -> str:
    with open_store(path) as store:
        return store.listing_digest()


def note_retry(context: Context, outcomes: Sequence[str]) -> None:
    """Note that the rows that ended at fetch with one of the outcomes are to be asked for again.

    The note stays with the run, as a part of what the stage is made from; every note is one more round of asking.
    Raises RunError for a word that is no outcome of fetch, or when fetch is not done.
    """
    fetch_plan.check_retry(outcomes)
    context.folder.require("fetch")
    folder = context.folder.stage("fetch")
    candidates, ledger = sql.parquet(context.folder.stage("screen") / "candidates"), sql.parquet(folder / "ledger")
    with sql.connect(context.recipe.limits.memory_mb, context.folder.root) as con:
        media = fetch_placeholders.decided_media(folder)
        query = _SQL("asked_again", media=media, candidates=candidates, ledger=ledger, outcomes=outcomes)
        rows = fetch_plan.note_retry(con, folder, query)
    if rows:
        context.progress(f"fetch: {rows:,} images are asked for again")
    else:
        context.progress(f"fetch: no row ended as {' or '.join(outcomes)}; nothing is asked for again")


def _earlier(context: Context, folder: Place, digest: str, asked_for: Mapping[str, Round]) -> list[fetch_plan.Earlier]:
    """Return where answers may be reused from: units of this run that were cut otherwise, then other runs."""

    def files(place: Place, but: Collection[str] = ()) -> tuple[Place, ...]:
        found = (name.removesuffix(".parquet") for name in listed(place / "media"))
        return tuple(
            place / unit_path(name) for name in sorted(found) if name.startswith((digest, PART)) and name not in but
        )

    ours = {*_units(asked_for), *_parts(asked_for)}
    others = [place / Fetch.name for place in context.reuse]
    return [
        fetch_plan.Earlier(folder, files(folder, ours), lasting=False),
        *(fetch_plan.Earlier(place, files(place), lasting=True) for place in others),
    ]


def _remove_stale(folder: Place, asked_for: Mapping[str, Round]) -> None:
    """Remove what is not of this plan: rows first, then what they speak of, so that a kill leaves no row of nothing."""
    planned, parts = _units(asked_for), {f"{part}.parquet" for part in _parts(asked_for)}
    stale = [("media", name) for name in listed(folder / "media") - parts - {"-schema.parquet"}]
    stale += [("parts", name) for name in listed(folder / "parts") - parts]
    stale += [(place, name) for place in ("blobs", "journal") for name in listed(folder / place)]
    for place, name in stale:
        if place in ("media", "parts") or name.partition(".")[0] not in planned:
            (folder / place / name).unlink()
    for round_ in fetch_plan.planned_rounds(folder):
        if round_ not in asked_for:
            fetch_plan.remove_plan(folder, round_)


def _units(asked_for: Mapping[str, Round]) -> set[str]:
    return {unit for each in asked_for.values() for unit in each.units}


def _parts(asked_for: Mapping[str, Round]) -> list[str]:
    return [part for each in asked_for.values() for part in each.parts]


def _arrived(asked: str, folder: Place, asked_for: Mapping[str, Round]) -> str:
    """Return the query of who has arrived so far, placeholders left out."""
    media = fetch_placeholders.judged(_files(folder, asked_for))
    return fetch_sql.arrived_sql(asked, media, f"({fetch_sql.attempts_sql(asked, media)})")


def _files(folder: Place, asked_for: Mapping[str, Round]) -> str:
    """Return the FROM clause of the parts of this plan, which need not be all that lie in the folder."""
    paths = [folder / unit_path(name) for name in ("-schema", *_parts(asked_for))]
    return sql.tables(paths)
