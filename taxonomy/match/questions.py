"""What is asked: the input rows of a resolution, parsed once per distinct name and authorship."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy.errors import TaxonomyError
from taxonomy.names.parse import CLEAN_PATTERN, UNCLEAN_PATTERN, parse_name, squeeze
from taxonomy.names.ranks import SEVEN, normalise_rank, rank_level

Strings = npt.NDArray[Any]
HINTS = SEVEN[:-1]
_INDETERMINATE = re.compile(r"^([A-Z][a-z]{2,} [a-z-]{4,}) (?:indet|undet|s?sp|subsp|var|f)\.?$")
"""A species whose subspecies nobody named: 'Lacerta bilineata indet' is Lacerta bilineata."""
_LABEL = re.compile(r"^(?=[^\d]*\d)[\w.:-]{2,40}(?: [\w.:-]{2,40})?$")
INPUT_COLUMNS = ("name_id", "taxon_id", "scientific_name", "name_authorship", "rank_verbatim", *HINTS)


@dataclass(frozen=True)
class Questions:
    """Object arrays of str (empty: nothing), one entry per input row."""

    name_id: pa.ChunkedArray
    scientific_name: pa.ChunkedArray
    canonical: Strings
    species: Strings
    """The binomial of a trinomial; empty for other names."""
    genus: Strings
    """Genus of a name with an epithet, or the anchor of an informal one."""
    authorship: Strings
    kind: Strings
    qualifier: Strings
    level: npt.NDArray[np.int64]
    """Level of the rank that was stated, else of the form of the name (species, infraspecific); 0: none."""
    hints: dict[str, Strings]
    taxon_id: Strings
    """A usage id of this taxonomy; what is given here is asked for, and nothing else."""

    def __len__(self) -> int:
        return len(self.canonical)


def read_questions(names: pa.Table) -> Questions:
    """Take the input apart; raises TaxonomyError when it has no column scientific_name."""
    if "scientific_name" not in names.column_names:
        raise TaxonomyError(
            "the names have no column 'scientific_name'",
            "columns: " + ", ".join(names.column_names),
            "columns " + ", ".join(INPUT_COLUMNS),
        )
    columns = {}
    for name in INPUT_COLUMNS:
        given = names[name] if name in names.column_names else pa.chunked_array([pa.nulls(names.num_rows, pa.string())])
        columns[name] = given.cast(pa.string())
    verbatim = _expand(pc.fill_null(columns["scientific_name"], "").combine_chunks(), columns["genus"])
    authorship = pc.fill_null(columns["name_authorship"], "").combine_chunks()
    parsed = _parse(verbatim, authorship)
    ranks = _distinct(columns["rank_verbatim"])
    level = np.array([rank_level(normalise_rank(rank) or "unranked") for rank in ranks[0]] or [0], dtype=np.int16)
    hints = {}
    for hint in HINTS:
        values, codes = _distinct(columns[hint])
        hints[hint] = np.array([_hint(value) for value in values] or [""], dtype=object)[codes]
    canonical, species, genus, author, kind, qualifier, form, parent = parsed
    stated = level[ranks[1]].astype(np.int64)
    # 'Centaurea subg. Jacea' says itself which genus it stands in.
    inside = (hints["genus"] == "") & (kind == "scientific") & (genus == "") & (parent != "")
    hints["genus"][inside] = parent[inside]
    return Questions(
        columns["name_id"],
        columns["scientific_name"],
        canonical,
        species,
        genus,
        author,
        kind,
        qualifier,
        np.where(stated > 0, stated, form),
        hints,
        pc.fill_null(columns["taxon_id"], "").to_numpy(zero_copy_only=False).astype(object),
    )


def _hint(value: str) -> str:
    """Return a hint as taxonomies write it: one capitalised word, or nothing when it says nothing."""
    text = squeeze(value[:200])
    if text.isupper() or text.islower():
        text = text.capitalize()
    return parse_name(text).canonical if text else ""


def _expand(verbatim: pa.Array, genus: pa.ChunkedArray) -> pa.Array:
    """Write an abbreviated genus out where the genus hint begins with it: 'P. concolor' in Puma."""
    short = pc.and_(
        pc.match_substring_regex(verbatim, r"^[A-Z][a-z]{0,3}\. ?[a-z]"), pc.is_valid(genus.combine_chunks())
    )
    rows = np.flatnonzero(short.to_numpy(zero_copy_only=False))
    if len(rows) == 0:
        return verbatim
    names = verbatim.to_numpy(zero_copy_only=False).astype(object)
    for row, hint in zip(rows.tolist(), genus.take(pa.array(rows)).to_pylist(), strict=True):
        begin, _, rest = names[row].partition(".")
        whole = _hint(hint)
        if whole.startswith(begin):
            names[row] = f"{whole} {rest.lstrip()}"
    return pa.array(names, pa.string())


def _distinct(column: Any) -> tuple[list[str], npt.NDArray[np.int64]]:
    filled = pc.fill_null(column, "")
    encoded = (filled.combine_chunks() if isinstance(filled, pa.ChunkedArray) else filled).dictionary_encode()
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    codes: npt.NDArray[np.int64] = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return encoded.dictionary.to_pylist(), codes


def _parse(verbatim: pa.Array, authorship: pa.Array) -> tuple[Any, ...]:
    """Return canonical, species, genus, authorship, kind, qualifier, level by form, genus of a subgenus."""
    clean = pc.and_(
        pc.match_substring_regex(verbatim, CLEAN_PATTERN),
        pc.invert(pc.match_substring_regex(verbatim, UNCLEAN_PATTERN)),
    ).to_numpy(zero_copy_only=False)
    count = len(verbatim)
    empty = np.full(count, "", dtype=object)
    canonical, species, genus, author = empty.copy(), empty.copy(), empty.copy(), empty.copy()
    kind, qualifier = np.full(count, "scientific", dtype=object), empty
    form, parent = np.zeros(count, dtype=np.int64), empty.copy()
    plain = np.flatnonzero(clean)
    names = verbatim.filter(pa.array(clean)).to_numpy(zero_copy_only=False).astype(object)
    canonical[plain] = names
    genus[plain] = [name.partition(" ")[0] if " " in name else "" for name in names]
    form[plain] = np.where(genus[plain] != "", rank_level("species"), 0)
    writers = pc.utf8_slice_codeunits(authorship, 0, 500)
    author[plain] = writers.filter(pa.array(clean)).to_numpy(zero_copy_only=False).astype(object)
    known: dict[tuple[str, str], tuple[Any, ...]] = {}
    texts = verbatim.filter(pa.array(~clean)).to_pylist()
    given = writers.filter(pa.array(~clean)).to_pylist()
    for row, pair in zip(np.flatnonzero(~clean).tolist(), zip(texts, given, strict=True), strict=True):
        answer = known.get(pair)
        if answer is None:
            answer = known[pair] = _read(*pair)
        canonical[row], species[row], genus[row], author[row], kind[row], qualifier[row], form[row], parent[row] = (
            answer
        )
    return canonical, species, genus, author, kind, qualifier, form, parent


def _read(text: str, author: str) -> tuple[Any, ...]:
    bare = _INDETERMINATE.match(text)
    name = parse_name(bare[1] if bare else text, author)
    above = name.genus if name.specific_epithet or name.kind != "scientific" else ""
    if name.kind in ("informal", "placeholder", "cultivar", "hybrid") and not name.specific_epithet:
        above = name.canonical
    binomial = name.species if name.infraspecific_epithet else ""
    form = rank_level(name.rank or "unranked") if name.specific_epithet else 0
    canonical = name.canonical
    if name.kind == "unparsable" and _LABEL.match(text):
        # Labels of genome catalogues ('AAA536-G10 sp003284565') are no names, and yet stand in taxonomies as they are.
        canonical = squeeze(text)
    parent = name.genus if not name.specific_epithet and name.genus != canonical else ""
    if bare and text.rstrip(".").endswith("det"):
        # Some taxonomies hold it under just that name.
        canonical, binomial, form = text, name.canonical, rank_level("infraspecific")
    return canonical, binomial, above, name.authorship, name.kind, name.qualifier, form, parent
