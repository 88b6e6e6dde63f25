"""Decide the split of every group of what is kept, from the whole catalog, and write it as a table.

Groups that share a key which the recipe keeps together are one; then come, in this order, what lists and the sources'
own splits say, what a split holds alone, and the shares of the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dedup import components
from manifests import Recipe, SplitSpec, SplittingRules
from manifests.sections.splitting import STRATA, UNSEEN
from pipeline.model.vector_hashes import hash64_array
from pipeline.quotas.counted_rows import cell_sql, group_sql, taxon_sql
from pipeline.quotas.quota_rules import QuotaRule
from pipeline.splits.caps import Counts, beyond_cap
from pipeline.splits.cells import bounds_of, near
from pipeline.splits.chronological import chronological
from pipeline.splits.listed import KEYS, listed_keys
from pipeline.splits.stratified import FREE, Entries, stratified
from pipeline.splits.unseen import Claim, choose_unseen, hold_alone
from pipeline.storage import database as sql
from pipeline.storage.statements import Statements, identifier

if TYPE_CHECKING:
    import duckdb

_SQL = Statements(__name__)
_LEAST_MB = 128
_SALT, _UNSEEN_SALT = "split", "unseen"
_LOCAL_KEYS = ("location_key", "individual_key", "sequence_key", "occurrence_key")
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tables:
    """FROM clauses of what a split is decided from."""

    kept: str
    names: str
    records: str

    @property
    def rows(self) -> str:
        """The kept rows that the quotas leave."""
        return _SQL("rows", kept=self.kept)


class Deciding:
    """One decision: the groups of a catalog, and the split of each as far as it is known."""

    def __init__(self, con: duckdb.DuckDBPyConnection, recipe: Recipe, tables: Tables) -> None:
        """Number the groups, and join those that belong together."""
        assert recipe.splits is not None, "the plain split asks no table"
        self.con, self.recipe, self.tables = con, recipe, tables
        self.rules = recipe.splitting or SplittingRules()
        self.splits: Sequence[SplitSpec] = recipe.splits
        # Arrays of all groups are held beside the database's pages, which therefore get a part of the memory.
        sql.keep_within(con, max(recipe.limits.memory_mb // 2, _LEAST_MB))
        self.root = self._roots()
        self.groups = int(self.root.max(initial=-1)) + 1
        con.register("split_roots", pa.table({"number": np.arange(len(self.root)), "root": self.root}))
        self.order = self._order()
        self.entries = self._entries()
        self.sizes = self.entries.sizes()
        self.split = np.full(self.groups, FREE, np.int8)

    def decide(self) -> None:
        """Make the table `split_of` (group_id, split), and end what lies within the buffer."""
        self._take_listed()
        shares = np.array([split.percent for split in self.splits]) / 100
        listed = self.split != FREE
        # What splits without a share hold is not of the images that the others share.
        whole = self.sizes[~listed | (shares[self.split] > 0)].sum()
        alone = np.zeros(self.groups, np.bool_)
        for place, split in enumerate(self.splits):
            if split.unseen is not None and split.percent:
                part = (split.percent if split.unseen_percent is None else split.unseen_percent) / 100
                has = self.sizes[self.split == place].sum() if unseen_wholly(split) else 0
                chosen = self._unseen(split.unseen, part * float(whole) - float(has))
                self.split[chosen], alone[chosen] = place, True
                shares[place] -= part
        self._deal(np.maximum(np.round(shares, 12), 0), alone)
        self._return_beyond(np.full_like(alone, True) if self.rules.chronological else listed | alone)
        names = pa.array([split.name for split in self.splits], pa.string()).take(pa.array(self.split))
        self.con.register("split_decided", pa.table({"root": np.arange(self.groups), "split": names}))
        self.con.execute(_SQL("decided"))
        self._end_beyond(self.splits[1:])
        if self.rules.buffer_kilometres is not None and self.rules.cell_kilometres is not None:
            self._end_near(self.rules.cell_kilometres, self.rules.buffer_kilometres)
        self._end_beyond(self.splits[:1])
        sql.keep_within(self.con, self.recipe.limits.memory_mb)

    def _roots(self) -> Numbers:
        self.con.execute(_SQL("groups", rows=self.tables.rows))
        groups = int(sql.scalar(self.con, "SELECT count(*) FROM split_groups"))
        keys = [own_value(column) for column in self.rules.together or ()]
        if self.rules.cell_kilometres is not None:
            keys.append(cell_sql("r.lat", "r.lon", self.rules.cell_kilometres))
        left, right = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for key in keys:
            found = self._numbers(_SQL("edges", key=key, rows=self.tables.rows, records=self.tables.records))
            left.append(found["number"])
            right.append(found["first"])
        label = components(groups, np.concatenate(left), np.concatenate(right))
        return np.unique(label, return_inverse=True)[1].astype(np.int64)

    def _order(self) -> npt.NDArray[np.uint64]:
        """Return a hash of each group, by the smallest id of what it holds."""
        found = [np.empty(0, np.uint64)]
        for batch in sql.batches(self.con, _SQL("named_roots")):
            found.append(hash64_array(self.recipe.seed, _SALT, batch["group_id"]))
        return np.concatenate(found)

    def _entries(self) -> Entries:
        labelled = self._labelled()
        self.con.execute(_SQL("labels", labelled=labelled))
        found = self._numbers(_SQL("entries", labelled=labelled))
        labels = int(sql.scalar(self.con, "SELECT count(*) FROM split_labels"))
        return Entries(found["of_group"], found["label"], found["images"], self.groups, labels, self.order)

    def _labelled(self) -> str:
        label = stratum_sql(self.rules)
        return _SQL(
            "labelled", label=label, rows=self.tables.rows, names=self.tables.names, joins=self._record_joins(label)
        )

    def _record_joins(self, value: str) -> str:
        """Return the join of the records that an expression reads; '' where it reads names alone."""
        return f"JOIN {self.tables.records} r USING (record_id)" if "r." in value else ""

    def _take_listed(self) -> None:
        """Fix the groups that lists or the sources' own splits name; of several splits the later one holds them."""
        words = [
            f"({sql.quote(word.strip().lower())}, {place})"
            for place, split in enumerate(self.splits)
            for word in split.hints or ()
        ]
        if words:
            query = _SQL("hinted", rows=self.tables.rows, records=self.tables.records, hints=", ".join(words))
            found = self._numbers(query)
            self.split[found["of_group"]] = found["split"].astype(np.int8)
        listed = [(place, split.keys) for place, split in enumerate(self.splits) if split.keys]
        if listed:
            self._take_keys(listed)
        claims = [
            Claim(place, found["of_group"], found["value"])
            for place, split in enumerate(self.splits)
            if split.unseen is not None and unseen_wholly(split) and (split.hints or split.keys)
            for found, _ in [self._values(split.unseen)]
        ]
        if claims:
            self.split = hold_alone(self.split, claims, len(self.splits))

    def _take_keys(self, listed: Sequence[tuple[int, str]]) -> None:
        """Fix the groups that lists name by a key, whatever hints say."""
        self.con.register("split_keys", listed_keys(listed))
        by_list = np.full(self.groups, FREE, np.int8)
        for kind, key in KEYS.items():
            query = _SQL(
                "listed",
                kind=kind,
                key=key,
                rows=self.tables.rows,
                records=self.tables.records,
                names=self.tables.names,
            )
            found = self._numbers(query)
            places = found["of_group"]
            by_list[places] = np.maximum(by_list[places], found["split"].astype(np.int8))
        self.split = np.where(by_list == FREE, self.split, by_list)

    def _unseen(self, what: str, wanted: float) -> Numbers:
        found, order = self._values(what)
        return choose_unseen(found["of_group"], found["value"], self.sizes, self.split == FREE, order, wanted)

    def _values(self, what: str) -> tuple[dict[str, Any], npt.NDArray[np.uint64]]:
        """Return the values that each group holds, as numbers, and a seeded hash of each value."""
        value = unseen_sql(what)
        joins = self._record_joins(value)
        self.con.execute(_SQL("values", value=value, rows=self.tables.rows, names=self.tables.names, joins=joins))
        texts = sql.table(self.con, "SELECT DISTINCT value FROM split_values WHERE value IS NOT NULL ORDER BY value")[
            "value"
        ]
        order = hash64_array(self.recipe.seed, _UNSEEN_SALT, texts.combine_chunks())
        return self._numbers(_SQL("numbered_values")), order

    def _deal(self, shares: npt.NDArray[np.float64], alone: npt.NDArray[np.bool_]) -> None:
        """Deal what is left, to the splits that are not held alone."""
        among = np.flatnonzero(shares > 0)
        place_of = np.full(len(shares), FREE, np.int8)
        place_of[among] = np.arange(len(among))
        part = shares[among] / shares[among].sum()
        fixed = np.where(self.split != FREE, place_of[self.split], FREE).astype(np.int8)
        # What lists put into a split that has no share left is no part of the deal either.
        apart = alone | ((self.split != FREE) & (fixed == FREE))
        rest = np.flatnonzero(~apart)
        if self.rules.chronological:
            dates = self._numbers(_SQL("dates", rows=self.tables.rows, records=self.tables.records))["date"]
            first_label = self.entries.label[np.searchsorted(self.entries.group, rest)]
            dealt = chronological(first_label, dates[rest], self.sizes[rest], part)
            dealt = np.where(fixed[rest] == FREE, dealt, fixed[rest])
        elif self.rules.stratify == "none":
            along = self.order[rest].astype(np.float64) / 2**64
            dealt = np.minimum(np.searchsorted(np.cumsum(part), along, side="right"), len(part) - 1)
            dealt = np.where(fixed[rest] == FREE, dealt, fixed[rest])
        else:
            dealt = self._stratified(rest, apart, part, fixed[rest], among)
        self.split[rest] = among[dealt]

    def _stratified(
        self,
        rest: Numbers,
        apart: npt.NDArray[np.bool_],
        part: npt.NDArray[np.float64],
        fixed: npt.NDArray[np.int8],
        among: Numbers,
    ) -> npt.NDArray[np.int8]:
        whole = self.entries
        number = np.cumsum(~apart) - 1
        here = ~apart[whole.group]
        entries = Entries(
            number[whole.group[here]], whole.label[here], whole.rows[here], len(rest), whole.labels, self.order[rest]
        )
        floors = np.array([self.splits[place].min_per_taxon or 1 for place in among.tolist()], np.int64)
        return stratified(entries, part, fixed, floors)

    def _return_beyond(self, bound: npt.NDArray[np.bool_]) -> None:
        """Bring groups beyond a split's cap back to the first; those that are bound to their split stay."""
        capped = [(place, split.cap_per_taxon) for place, split in enumerate(self.splits) if split.cap_per_taxon]
        if not any(place for place, _ in capped):
            return
        taxon, rows, names = self._counted(), self.tables.rows, self.tables.names
        query = _SQL("counted", taxon=taxon, rows=rows, names=names, joins=self._record_joins(taxon))
        found = self._numbers(query)
        counts = Counts(found["of_group"], found["taxon"], found["images"])
        for place, cap in capped:
            if place:
                self.split[beyond_cap(counts, self.split == place, bound, self.order, cap)] = 0

    def _end_beyond(self, splits: Sequence[SplitSpec]) -> None:
        """End what splits hold beyond their caps, behind the first in the seeded order."""
        caps = ", ".join(f"({sql.quote(split.name)}, {split.cap_per_taxon})" for split in splits if split.cap_per_taxon)
        if caps:
            rule, taxon, tables = QuotaRule.SPLIT_CAP.value, self._counted(), self.tables
            joins = self._record_joins(taxon)
            rows, names = tables.rows, tables.names
            query = _SQL("end_beyond", rule=rule, caps=caps, taxon=taxon, rows=rows, names=names, joins=joins)
            self.con.execute(query)

    def _counted(self) -> str:
        """Return the SQL of what a cap counts the images of, as quotas count them."""
        select = self.recipe.select
        return group_sql(select, taxon_sql(select.quota_rank))

    def _end_near(self, side: float, reach: float) -> None:
        """End what the first split holds in cells that may lie within the buffer of those of another."""
        tables, training = self.tables, self.splits[0].name
        cell = cell_sql("r.lat", "r.lon", side)
        found = self._numbers(_SQL("cells", cell=cell, training=training, rows=tables.rows, records=tables.records))
        bounds = bounds_of(found["band"], found["place"], side)
        first = found["first"].astype(np.bool_)
        ours = np.flatnonzero(first)
        close = ours[near(bounds[ours], bounds[~first], reach)]
        cells = [f"{band} {place}" for band, place in zip(found["band"][close], found["place"][close], strict=True)]
        self.con.register("split_near", pa.table({"cell": pa.array(cells, pa.string())}))
        self.con.execute(
            _SQL(
                "end_near",
                rule=QuotaRule.BUFFER.value,
                kilometres=reach,
                training=training,
                cell=cell,
                rows=tables.rows,
                records=tables.records,
            )
        )

    def _numbers(self, query: str) -> dict[str, Any]:
        table = sql.table(self.con, query)
        return {name: table[name].to_numpy() for name in table.column_names}


def unseen_wholly(split: SplitSpec) -> bool:
    """Return whether what a split holds is unseen, all of it: what else it holds may be of any value.

    >>> unseen_wholly(SplitSpec("test", 20.0, unseen="species", unseen_percent=10.0))
    False
    """
    return split.unseen is not None and split.unseen_percent in (None, split.percent)


def stratum_sql(rules: SplittingRules) -> str:
    """Return the SQL of what has its share in every split: of a name `n`, or of a record `r`; '' is what has none.

    >>> stratum_sql(SplittingRules(stratify="none"))
    "''"
    """
    stratify = rules.stratify or "accepted"
    if stratify == "none":
        return "''"
    return taxon_sql(stratify) if stratify in STRATA else f"coalesce({own_value(stratify)}, '')"


def unseen_sql(what: str) -> str:
    """Return the SQL of what a split may hold alone: of a name `n`, or of a record `r`; NULL where there is none.

    >>> unseen_sql("genus")
    'n."genus_id"'
    """
    return f"n.{identifier(f'{what}_id')}" if what in UNSEEN else own_value(what)


def own_value(column: str) -> str:
    """Return the SQL of a record's value of a column; NULL where it is empty.

    Keys that only a data set makes unique are told apart from those of other sources and data sets.
    """
    cell = f"nullif(trim(r.{identifier(column)}::VARCHAR), '')"
    own = "r.source || chr(31) || coalesce(r.dataset_key, '') || chr(31) || "
    return own + cell if column in _LOCAL_KEYS else cell
