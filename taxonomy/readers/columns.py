"""From the columns of a published table to usages: which column means what, and one row in canonical form.

Columns are found by name. A row's canonical name comes from the source's own canonical name only where that is a clean
name that begins the scientific name (published canonical names are wrong now and then), else from the parser.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyarrow as pa

from taxonomy.names.parse import is_clean, parse_name, squeeze
from taxonomy.names.ranks import SEVEN, normalise_rank, rank_level
from taxonomy.names.taxonomic_status import ACCEPTED, SYNONYMS, normalise_status
from taxonomy.readers.recognised import Recognised
from taxonomy.readers.taxon_schema import ALIAS_SCHEMA, USAGE_SCHEMA, VERNACULAR_SCHEMA, Issues

TERMS: dict[str, tuple[str, ...]] = {
    "id": ("taxonid", "id", "usagekey", "taxonkey"),
    "other_id": ("eolid",),
    "parent": ("parentnameusageid", "parentid", "parentkey"),
    "accepted": ("acceptednameusageid", "acceptedusagekey", "acceptedkey"),
    "name": ("scientificname", "sciname", "scientific_name", "species", "name", "canonicalname"),
    "canonical": ("canonicalname",),
    "authorship": ("scientificnameauthorship", "authorship"),
    "author": ("authorityspeciesauthor",),
    "author_year": ("authorityspeciesyear",),
    "author_brackets": ("authorityparentheses",),
    "original": ("originalnamecombination",),
    "rank": ("taxonrank", "rank"),
    "status": ("taxonomicstatus", "status"),
    "kingdom": ("kingdom",),
    "phylum": ("phylum",),
    "class": ("class",),
    "order": ("order",),
    "family": ("family",),
    "genus": ("genus",),
    "species": ("species",),
    "epithet": ("specificepithet", "specific_epithet"),
    "vernacular": ("vernacularname", "common_name", "commonname", "maincommonname"),
    "vernacular_more": ("othercommonnames",),
    "same": ("alternativeid",),
}
"""What each column may be called, the best first (as plain terms, see `delimited.plain_term`)."""
OWN_PREFIX = re.compile(r"^[A-Za-z][A-Za-z0-9_-]{0,31}:[^/\s]")
_KNOWN_FORMS = (
    (re.compile(r"^urn:lsid:marinespecies\.org:taxname:(\d+)$", re.IGNORECASE), "worms"),
    (re.compile(r"^https?://(?:www\.)?inaturalist\.org/taxa/(\d+)$"), "inat"),
    (re.compile(r"^https?://(?:www\.)?gbif\.org/species/(\d+)$"), "gbif"),
)
"""Long forms of ids that stand beside their short form, even within one release."""
_CROSS = re.compile(r"^[A-Z][a-z-]+ [x×✕] ?[A-Z]")
"""A cross of two genera, which reads like a genus and its author."""
_TARGETS = re.compile(r"\s*\|\s*")
_CURIE = re.compile(r"^[A-Za-z][A-Za-z0-9_-]{0,31}:[A-Za-z0-9._-]{1,64}$")


def choose(terms: dict[str, str], names: Sequence[str] = tuple(TERMS)) -> dict[str, str]:
    """Return, for each meaning, the column of the file that carries it.

    >>> choose({"taxonid": "taxonID", "scientificname": "dwc:scientificName"})
    {'id': 'taxonID', 'name': 'dwc:scientificName'}
    """
    found = {}
    for meaning in names:
        for term in TERMS[meaning]:
            if term in terms:
                found[meaning] = terms[term]
                break
    return found


def qualify(prefix: str, key: str | None) -> str | None:
    """Return a key with the source's prefix, unless it brings one of its own.

    >>> qualify("gbif", "2435099"), qualify("itis", "ITIS:1025094"), qualify("x", None)
    ('gbif:2435099', 'ITIS:1025094', None)
    >>> qualify("taxon", "urn:lsid:marinespecies.org:taxname:126436"), qualify("inat", "42414")
    ('worms:126436', 'inat:42414')
    """
    if not key:
        return None
    if len(key) > 16 and ":" in key:
        for form, known in _KNOWN_FORMS:
            found = form.match(key)
            if found:
                return f"{known}:{found[1]}"
    return key if OWN_PREFIX.match(key) else f"{prefix}:{key}"


def canonical(name: str, given: str, authorship: str, rank: str) -> tuple[str, str]:
    """Return canonical name and authorship of a scientific name that may hold its authors.

    >>> canonical("Puma concolor (Linnaeus, 1771)", "", "", "species")
    ('Puma concolor', '(Linnaeus, 1771)')
    >>> canonical("Rosa canina L.", "and", "L.", "species")
    ('Rosa canina', 'L.')
    """
    bare = name
    if authorship and name.endswith(authorship) and len(name) > len(authorship):
        bare = name[: -len(authorship)].rstrip(" ,")
    if is_clean(bare):
        return bare, authorship
    if given and is_clean(given) and (bare == given or name.startswith(given + " ")):
        return given, authorship or (name[len(given) :].strip() if bare != given else "")
    if _CROSS.match(bare):
        return squeeze(bare), authorship
    parsed = parse_name(bare, authorship, rank)
    if parsed.kind in ("virus", "otu"):
        return parsed.canonical, authorship
    formula = parsed.kind == "hybrid" and parsed.qualifier
    if parsed.kind in ("placeholder", "unparsable", "informal") or formula or not parsed.canonical:
        # A taxonomy may hold 'Aus sp. 3' or 'Aus × Bus': it is found under that whole string, never under 'Aus'.
        return squeeze(bare), authorship
    return parsed.canonical, parsed.authorship


def to_usages(
    columns: pa.Table, rows: pa.Array, found: Recognised, issues: Issues, file: int = 0, origin: str = ""
) -> pa.Table:
    """Return the usages (USAGE_SCHEMA) of one batch of string columns named by meaning.

    Rows without a name or an id are counted and left out. A synonym that names several accepted usages (with a bar
    between them) becomes one usage for each, all of them ambiguous. `file` and `origin` say which file the rows are of.
    """
    prefix, origin = found.prefix, origin or found.table.origin
    lists: dict[str, list[str | None]] = {name: columns.column(name).to_pylist() for name in columns.column_names}
    empty: list[str | None] = [None] * columns.num_rows

    def cells(name: str) -> list[str | None]:
        return lists.get(name, empty)

    numbers = rows.to_pylist()
    out: dict[str, list[object]] = {field.name: [] for field in USAGE_SCHEMA}
    higher = [cells(level) for level in SEVEN]
    identity = zip(cells("id"), cells("name"), cells("rank"), cells("status"), cells("accepted"), strict=True)
    detail = zip(
        cells("canonical"), cells("authorship"), cells("parent"), cells("epithet"), cells("other_id"), strict=True
    )
    for i, ((key, name, rank_given, status_given, accepted), more) in enumerate(zip(identity, detail, strict=True)):
        given, authorship, parent, epithet, other = more
        genus_given = higher[5][i]
        if epithet and genus_given and name and " " not in name and "_" not in name and name == epithet:
            name = f"{genus_given} {epithet}"
        if not key or not name:
            issues.add("row_without_id_or_name", f"{origin}, row {numbers[i]:09d}")
            continue
        own_rank = _rank(rank_given, found)
        if own_rank is None:
            issues.add("unknown_rank", f"{origin}, row {numbers[i]:09d}: {str(rank_given)[:60]}")
            own_rank = "unranked"
        if not authorship and cells("author")[i]:
            authorship = _author(cells("author")[i], cells("author_year")[i], cells("author_brackets")[i])
        text, author = canonical(squeeze(name), given or "", squeeze(authorship or ""), own_rank)
        usage = qualify(prefix, key)
        if status_given and normalise_status(status_given) is None:
            issues.add("unknown_status", f"{origin}, row {numbers[i]:09d}: {status_given[:60]}")
        several = _TARGETS.split(accepted) if accepted and "|" in accepted else []
        target, above = qualify(prefix, several[0] if several else accepted), qualify(prefix, parent)
        if found.one_parent and normalise_status(status_given or "") in SYNONYMS:
            target = above
        status, target = decide_status(status_given, usage, target)
        if several and status in SYNONYMS:
            status = "ambiguous synonym"
        if own_rank == "unranked" and status in SYNONYMS:
            own_rank = ("unranked", "species", "infraspecific")[min(text.count(" "), 2)]
        out["usage_id"].append(usage)
        out["other_id"].append(f"eol:{other}" if other else None)
        out["name"].append(text)
        out["authorship"].append(author or None)
        out["rank"].append(own_rank)
        out["status"].append(status)
        out["parent_id"].append(above if status in ACCEPTED and above != usage else None)
        out["accepted_id"].append(target)
        own = rank_level(own_rank)
        for level, column in zip(SEVEN, higher, strict=True):
            cell = column[i]
            # A row's own rank repeats its name; ranks below it say nothing about it (unless it is a synonym,
            # whose classification is that of the accepted taxon, the accepted taxon itself included).
            use = cell and (own == 0 or rank_level(level) < own or status in SYNONYMS)
            if use and level == "species" and not is_clean(squeeze(str(cell))):
                use = False
            out[level].append(squeeze(str(cell)) if use else None)
        out["source"].append(prefix)
        out["locator"].append(numbers[i])
        out["file"].append(file)
        for other_target in several[1:] if status in SYNONYMS else ():
            for said in out.values():
                said.append(said[-1])
            out["accepted_id"][-1] = qualify(prefix, other_target)
            out["usage_id"][-1] = f"{usage}>{other_target}"
    return pa.table(out, schema=USAGE_SCHEMA)


def _rank(given: str | None, found: Recognised) -> str | None:
    if not given:
        return found.rank
    return normalise_rank(given) or found.ranks.get(" ".join(re.findall(r"[a-z]+", given[:64].casefold())))


def same_as(batch: pa.Table, prefix: str) -> pa.Table:
    """Return what the rows of a batch say about the keys of their taxa in other sources (ALIAS_SCHEMA, kind 'same').

    >>> same_as(pa.table({"id": ["1"], "same": ["ncbi:4209,gbif:414"]}), "ott")["alias"].to_pylist()
    ['ncbi:4209', 'gbif:414']
    """
    owners, others = [], []
    for key, stated in zip(batch["id"].to_pylist(), batch["same"].to_pylist(), strict=True):
        for other in (stated or "").split(","):
            if key and _CURIE.match(other.strip()):
                owners.append(qualify(prefix, key))
                others.append(other.strip())
    return pa.table({"usage_id": owners, "alias": others, "kind": ["same"] * len(owners)}, schema=ALIAS_SCHEMA)


def _author(author: str | None, year: str | None, brackets: str | None) -> str:
    text = f"{author}, {year}" if year else str(author)
    return f"({text})" if brackets in ("1", "true", "TRUE") else text


def decide_status(given: str | None, usage: str | None, accepted: str | None) -> tuple[str, str | None]:
    """Return the status, and the accepted usage that a synonym points to (null for accepted usages).

    >>> decide_status("valid", "x:1", "x:1"), decide_status(None, "x:1", "x:2"), decide_status("accepted", "x:1", "x:2")
    (('accepted', None), ('synonym', 'x:2'), ('synonym', 'x:2'))
    """
    status = normalise_status(given) if given else None
    elsewhere = accepted is not None and accepted != usage
    if status in SYNONYMS:
        return str(status), accepted if elsewhere else None
    if elsewhere:
        return "synonym", accepted
    return status or "accepted", None


def vernaculars(columns: pa.Table, prefix: str) -> pa.Table:
    """Return the English names in a table of taxa (VERNACULAR_SCHEMA), other than the scientific name itself.

    The column of further names holds several, with a bar between them; the main one is preferred.
    """
    names: list[tuple[str, str, bool]] = []
    every = {name: columns.column(name).to_pylist() for name in columns.column_names}
    empty: list[str | None] = [None] * columns.num_rows
    cells = zip(*(every.get(n, empty) for n in ("id", "name", "vernacular", "vernacular_more")), strict=True)
    for key, own, main, more in cells:
        usage = qualify(prefix, key)
        if usage is None:
            continue
        if main and main != own:
            names.append((usage, main, True))
        names += [(usage, each, False) for each in _TARGETS.split(more or "") if each and each not in (own, main)]
    return pa.table(
        {
            "usage_id": [usage for usage, _, _ in names],
            "vernacular_name": [name for _, name, _ in names],
            "language": ["eng"] * len(names),
            "preferred": [preferred for _, _, preferred in names],
            "source": [prefix] * len(names),
        },
        schema=VERNACULAR_SCHEMA,
    )
