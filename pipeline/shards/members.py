"""The members of a sample by layout: `jpg`, `txt` (the default caption), the texts that a layout adds, and `json`.

    default        no text more
    lean           no text more and no json: it lies in a Parquet file beside each shard
    bioclip        the five captions that BioCLIP 2's loader draws from: sci, com, taxon, sci_com, taxon_com
    treeoflife10m  the ten texts of TreeOfLife-10M's shards: the five, two more with the ranks named (taxonTag), and the
                   scientific, taxonomic and common name alone

Every member costs a tar header: a sample with eleven members is read at a fifth of the speed of one with two.
Source: Stevens et al. 2024, "BioCLIP" (CVPR), and the member names of the published shards.
"""

from __future__ import annotations

from collections.abc import Mapping

from manifests.recipe import LAYOUTS
from pipeline.shards.captions import captions, taxon_names

Members = tuple[tuple[str, bytes], ...]
LEAN = "lean"


def member_suffixes(layout: str) -> tuple[str, ...]:
    """Return the suffixes of a sample's members in the order in which they are written.

    >>> member_suffixes("default"), member_suffixes("lean")
    (('jpg', 'txt', 'json'), ('jpg', 'txt'))
    """
    extra = tuple(suffix for suffix, _ in text_members(layout, {}, None))
    return ("jpg", "txt", *extra, *(() if layout == LEAN else ("json",)))


def text_members(layout: str, lineage: Mapping[str, str | None], vernacular: str | None) -> Members:
    """Return the text members that a layout adds, as (suffix, UTF-8 bytes), in the order in which they are written.

    Raises ValueError for a layout that is not in LAYOUTS.

    >>> [suffix for suffix, _ in text_members("bioclip", {"genus": "Puma"}, None)]
    ['sci.txt', 'com.txt', 'taxon.txt', 'sci_com.txt', 'taxon_com.txt']
    >>> text_members("treeoflife10m", {"family": "Felidae", "genus": "Puma"}, "cougar")[6]
    ('taxonTag.txt', b'a photo of family Felidae genus Puma.')
    """
    if layout not in LAYOUTS:
        raise ValueError(f"no such layout: {layout!r}")
    if layout in ("default", LEAN):
        return ()
    five = captions(lineage, vernacular).members()
    if layout == "bioclip":
        return five
    names, of = taxon_names(lineage, vernacular), dict(five)
    return (
        ("scientific_name.txt", names.scientific.encode()),
        ("taxonomic_name.txt", names.taxonomic.encode()),
        ("common_name.txt", names.common.encode()),
        ("sci.txt", of["sci.txt"]),
        ("com.txt", of["com.txt"]),
        ("taxon.txt", of["taxon.txt"]),
        ("taxonTag.txt", f"a photo of {names.tagged}.".encode()),
        ("sci_com.txt", of["sci_com.txt"]),
        ("taxon_com.txt", of["taxon_com.txt"]),
        ("taxonTag_com.txt", f"a photo of {names.tagged} with common name {names.common}.".encode()),
    )
