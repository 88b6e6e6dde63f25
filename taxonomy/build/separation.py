"""Major groups of life that share no species: a name in one of them is never the same taxon as that name in another.

Hemihomonyms are common: Oenanthe is a bird and a plant, Morus a gannet and a mulberry. Kingdoms alone do not keep them
apart, because sources cut kingdoms differently or state none. So each usage gets the nearest major group above it, and
two usages whose groups lie on different branches of the list below are kept apart. The idea is that of the separation
taxonomy of Open Tree's smasher; the list holds only groups whose limits all sources agree on.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy.build.lineage import MAXIMUM_DEPTH, Rows
from taxonomy.names.ranks import rank_level

_LIST = """
Animalia Metazoa
  Porifera
  Cnidaria
  Platyhelminthes
  Nematoda
  Annelida
  Bryozoa Ectoprocta
  Brachiopoda
  Rotifera
  Tardigrada
  Mollusca
    Gastropoda
    Bivalvia
    Cephalopoda
    Polyplacophora
  Arthropoda
    Arachnida
    Malacostraca
    Copepoda
    Ostracoda
    Chilopoda
    Diplopoda
    Collembola
    Insecta
      Lepidoptera
      Coleoptera
      Diptera
      Hymenoptera
      Hemiptera
      Orthoptera
      Odonata
      Trichoptera
      Neuroptera
      Ephemeroptera
      Plecoptera
  Echinodermata
  Chordata
    Tunicata Ascidiacea
    Elasmobranchii
    Actinopterygii Actinopteri Teleostei
    Amphibia
    Squamata
    Testudines
    Aves
    Mammalia
Plantae Viridiplantae
  Rhodophyta
  Chlorophyta
  Marchantiophyta
  Tracheophyta
    Lycopodiopsida
    Polypodiopsida
    Pinopsida
    Magnoliopsida
      Liliopsida
Fungi Mycota
  Ascomycota
  Basidiomycota
Chromista Protozoa Stramenopiles Alveolata Rhizaria Sar
  Oomycota
  Bacillariophyta Bacillariophyceae
  Phaeophyceae
  Ciliophora
  Foraminifera
  Euglenozoa
Bacteria Eubacteria
Archaea Archaebacteria
Viruses
"""


def _read(text: str) -> tuple[dict[str, int], npt.NDArray[np.bool_]]:
    """Return the number of every group by name, and which pairs of groups lie on different branches."""
    numbers: dict[str, int] = {}
    above: list[tuple[int, ...]] = []
    stack: list[int] = []
    for line in text.strip("\n").splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        own = len(above)
        del stack[depth:]
        numbers |= dict.fromkeys(line.split(), own)
        above.append((*stack, own))
        stack.append(own)
    apart = np.ones((len(above), len(above)), dtype=bool)
    for own, path in enumerate(above):
        apart[own, list(path)] = apart[list(path), own] = False
    return numbers, apart


_NUMBERS, _APART = _read(_LIST)
_LOWEST = rank_level("family")


def major_groups(names: pa.ChunkedArray, parent: Rows, levels: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    """Return the number of the nearest major group of every row, itself included; -1: none is known.

    Only taxa above families can be such a group: Ctenophora is also a genus of flies.

    >>> names = pa.chunked_array([["Animalia", "Lepidoptera", "Cydia"]])
    >>> groups = major_groups(names, np.array([-1, 0, 1], np.int32), np.array([10, 40, 60], np.int16))
    >>> bool(groups[1] == groups[2]), bool(groups[0] == groups[1])
    (True, False)
    """
    words = pa.array(sorted(_NUMBERS), pa.string())
    codes = np.array([_NUMBERS[word] for word in words.to_pylist()] + [-1], dtype=np.int16)
    at = pc.fill_null(pc.index_in(names, value_set=words), -1).to_numpy()
    found = np.where(levels < _LOWEST, codes[at], -1).astype(np.int16)
    rows = np.flatnonzero(found < 0)
    up = parent[rows]
    for _ in range(MAXIMUM_DEPTH):
        alive = up >= 0
        rows, up = rows[alive], up[alive]
        if len(rows) == 0:
            break
        found[rows] = np.maximum(found[rows], found[up])
        open_ = found[rows] < 0
        rows, up = rows[open_], parent[up[open_]]
    return found


def separated(one: npt.NDArray[np.int16], other: npt.NDArray[np.int16]) -> npt.NDArray[np.bool_]:
    """Return, pair by pair, whether two major groups share no species.

    >>> number = np.array([_NUMBERS["Lepidoptera"], _NUMBERS["Insecta"], -1], np.int16)
    >>> separated(number, np.full(3, _NUMBERS["Liliopsida"], np.int16)).tolist()
    [True, True, False]
    >>> separated(number[:1], number[1:2]).tolist()
    [False]
    """
    known = (one >= 0) & (other >= 0)
    apart: npt.NDArray[np.bool_] = known & _APART[one, other]
    return apart
