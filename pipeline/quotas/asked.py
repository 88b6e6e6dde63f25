"""Which candidates fetch asks for, step after step, until every taxon has what the recipe wants of it.

The rules of quotas decide over what there may be: all candidates but those that were asked for and are lost, as if
everybody else were there and stayed. What they would take and nobody has asked for yet is asked for next. So candidates
are asked for in the order in which quotas take them, those that are lost are stood in for by the next ones, and a taxon
that can never have enough, or is one too many, is asked for no further. It ends when all that the rules would take is
there: quotas then decide over what is there as they would have over all of it.

Two keys of a recipe want images, and both are asked by this: `fetch.images_per_taxon` (a number that shall arrive) and
`fetch.until_quota` (what quotas keep, of what later stages let stay).

Temporary tables of the connection: `asking_order` (every candidate with its taxon and place), `asked` (record_id,
taxon, step) and `asking_lost` (record_id, judged: whether it arrived, and a later stage would end it).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from manifests import Recipe, SelectRules
from pipeline.quotas.counted_rows import make_rows
from pipeline.quotas.preferred import note_orders, preferences
from pipeline.quotas.quota_decisions import end_before, floors, note_quotas
from pipeline.quotas.quota_rules import TOLD
from pipeline.storage import database as sql
from pipeline.storage.database import quote
from pipeline.storage.statements import Statements

if TYPE_CHECKING:
    import duckdb

_SQL = Statements(__name__)
_PATIENT_STEPS = 3
"""Times that candidates of a taxon stand in for others one for one; each further time asks for twice as many."""
_QUOTA_KEYS = (
    *("cap_per_taxon", "min_per_taxon", "rare", "min_available", "target", "power", "most_taxa", "most_taxa_per"),
    *("thin_to", "thin_kilometres", "thin_degrees", "thin_by"),
)


@dataclass(frozen=True, slots=True)
class Want:
    """What is wanted of every taxon, as a recipe whose quotas take exactly that."""

    recipe: Recipe
    judged: bool
    """Whether an image that arrived counts only while later stages let it stay."""

    @property
    def key(self) -> str:
        """What the evidence calls the rule; '': the rule of the quotas that ended a candidate."""
        return "" if self.judged else "images_per_taxon"


def wants(recipe: Recipe) -> list[Want]:
    """Return what a recipe wants of every taxon; nothing where all candidates are asked for.

    >>> from manifests import FetchRules
    >>> [want.recipe.select.cap_per_taxon for want in wants(Recipe("r", (), fetch=FetchRules(images_per_taxon=5)))]
    [5]
    """
    rules, number = recipe.select, recipe.fetch.images_per_taxon
    wanted = [Want(recipe, judged=True)] if recipe.fetch.until_quota else []
    if number:
        select = SelectRules(
            cap_per_taxon=number,
            quota_rank=rules.quota_rank,
            quota_columns=rules.quota_columns,
            prefer=rules.prefer,
            balance=rules.balance,
        )
        sources = tuple(replace(source, cap_per_taxon=None) for source in recipe.sources)
        wanted.append(Want(replace(recipe, select=select, sources=sources), judged=False))
    return wanted


def asking_parts(recipe: Recipe) -> dict[str, Any]:
    """Return what of a recipe decides in which order candidates are asked for, and how many; {}: all at once."""
    wanted = wants(recipe)
    if not wanted:
        return {}
    rules, words = recipe.select, preferences(recipe, fetched=False)
    said: dict[str, Any] = {"seed": recipe.seed, "quota_rank": rules.quota_rank, "prefer": words}
    said |= {"balance": rules.balance, "quota_columns": rules.quota_columns}
    if "source" in words:
        said["priorities"] = {source.name: source.priority for source in recipe.sources}
    if any(want.judged for want in wanted):
        said["quotas"] = {name: getattr(rules, name) for name in _QUOTA_KEYS}
        said["caps"] = {source.name: source.cap_per_taxon for source in recipe.sources}
    return {"asking": {key: value for key, value in said.items() if value is not None}}


@dataclass(slots=True)
class Asking:
    """Who is asked for, on one connection."""

    con: duckdb.DuckDBPyConnection
    recipe: Recipe
    times: int = 0
    """How often candidates were asked for."""
    _wants: list[Want] = field(default_factory=list)

    def begin(self, candidates: str, names: str, records: str) -> None:
        """Make the tables of candidates whom nobody is asked for yet.

        `candidates`, `names`: FROM clauses; `records`: that of records, each once.
        """
        self._wants = wants(self.recipe)
        note_orders(self.con, self.recipe.seed)
        # Of the rules of the widest want: the others ask for a part of its columns.
        terms = make_rows(self.con, self._wants[0].recipe, candidates, names, records, None)
        self.con.execute(_SQL("order", terms=", ".join(terms), more=self._more("balance", "place AS cell")))
        self.con.execute(_SQL("none_asked"))
        self.con.execute(_SQL("none_lost"))

    @property
    def judges(self) -> bool:
        """Whether what arrived is to be judged as later stages will."""
        return any(want.judged for want in self._wants)

    def lose(self, lost: str, judged: bool) -> None:
        """Note who is lost: the record_id that the query `lost` gives; those noted before of the same kind go."""
        self.con.execute(_SQL("forget", judged=judged))
        self.con.execute(_SQL("lose", lost=lost, judged=judged))

    def more(self) -> int:
        """Ask for what is wanted and nobody has been asked for; return the number of candidates that are new."""
        before = int(sql.scalar(self.con, "SELECT count(*) FROM asked"))
        for want in self._wants:
            self._decide(want)
            self.con.execute(_SQL("ask", step=self.times, patient=_PATIENT_STEPS))
        new = int(sql.scalar(self.con, "SELECT count(*) FROM asked")) - before
        self.times += 1 if new or not self.times else 0
        return new

    def note_unasked(self) -> None:
        """Make the table `unasked` (record_id, evidence) of the candidates that nobody was asked for, and why."""
        self.con.execute(_SQL("none_unasked"))
        rules = " ".join(f"WHEN {rule.value} THEN {quote(told.key)}" for rule, told in TOLD.items())
        for want in self._wants:
            self._decide(want)
            rule = quote(want.key) if want.key else f"CASE e.rule {rules} END"
            self.con.execute(_SQL("note_unasked", rule=rule, judged=want.judged))

    def _decide(self, want: Want) -> None:
        """Make the tables `quota_ended` and `asking_turns`: what the quotas of a want take of what there may be."""
        rules, con = want.recipe.select, self.con
        con.execute(_SQL("hope", more=self._more("balance", "cell AS place"), judged=want.judged))
        end_before(con, want.recipe, ["nth"])
        con.execute(_SQL("no_quotas"))
        if rules.cap_per_taxon or rules.target is not None:
            note_quotas(con, want.recipe)
        least = max((floor for _, floor in floors(want.recipe)), default=0)
        rows, order = "quota_rows", "nth"
        if rules.balance is not None:
            rows, order = f"({_SQL('balanced')})", "each, nth"
        con.execute(_SQL("turns", rows=rows, order=order, least=least))

    def _more(self, balance: str, cell: str) -> str:
        return "".join(f", {each}" for each in self._columns(balance, cell))

    def _columns(self, balance: str, cell: str) -> Iterator[str]:
        rules = self._wants[0].recipe.select
        if rules.balance is not None:
            yield balance
        if rules.thin_to is not None:
            yield cell
