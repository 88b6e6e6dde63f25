"""Terms of Darwin Core, Dublin Core and Audubon Core brought under the names that GBIF's interpreted tables have.

Sources: https://dwc.tdwg.org/terms/, https://ac.tdwg.org/termlist/. Where several columns may hold a value, the first
that is filled, in the order given here, is taken row by row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.model.records import LOCATOR_COLUMNS
from pipeline.sources.darwin_core.gbif_map import MULTIMEDIA_COLUMNS, OCCURRENCE_COLUMNS
from pipeline.sources.mapping import columns as c

Terms = Mapping[str, tuple[str, ...]]

MEDIA: Terms = MappingProxyType(
    {
        "type": ("type",),
        "format": ("format", "bestQualityFormat"),
        "identifier": ("accessURI", "bestQualityAccessURI", "goodQualityAccessURI", "identifier"),
        "references": ("references", "furtherInformationURL"),
        "creator": ("creator", "photographer"),
        "publisher": ("publisher", "providerLiteral", "provider"),
        "license": ("license", "WebStatement", "UsageTerms", "rights"),
        "rightsHolder": ("rightsHolder", "Owner", "owner"),
        **{name: (name,) for name in ("title", "description", "subtype", "subjectPart", "caption")},
    }
)
OCCURRENCE: Terms = MappingProxyType(
    {
        **{name: (name,) for name in OCCURRENCE_COLUMNS if name not in ("gbifID", "taxonKey", "checklistKey")},
        "datasetKey": ("datasetKey", "datasetID"),
        "organismID": ("organismID", "individualID"),
        "specificEpithet": ("specificEpithet",),
    }
)
_ADDRESSES = MEDIA["identifier"][:-1]


def columns_for(terms: Terms, columns: Sequence[str]) -> list[str]:
    """Return the columns of a table that hold any of the terms; a repeated term's columns are told apart by '#'."""
    wanted = {source for sources in terms.values() for source in sources}
    return [column for column in columns if column.split("#")[0] in wanted]


def unified(table: pa.Table, id_column: str, defaults: Mapping[str, str], terms: Terms) -> pa.Table:
    """Return the table under GBIF's names: `gbifID` is the core's id, every term its first filled column or its
    default.

    An Audubon Core `identifier` names the medium rather than its file: it is no address where the table has columns for
    addresses.
    """
    rows = table.num_rows
    made = {"gbifID": c.verbatim(table, id_column)}
    addressed = any(name.split("#")[0] in _ADDRESSES for name in table.column_names)
    for target, sources in terms.items():
        use = _ADDRESSES if target == "identifier" and addressed else sources
        found = [
            c.blank_to_null(c.verbatim(table, name))
            for s in use
            for name in table.column_names
            if name.split("#")[0] == s
        ]
        found += [c.constant(defaults[source], rows) for source in use if source in defaults]
        made[target] = c.first_of(*found) if found else pa.nulls(rows, pa.string())
    if terms is OCCURRENCE:
        epithet = made.pop("specificEpithet")
        made["species"] = c.first_of(made["species"], pc.binary_join_element_wise(made["genus"], epithet, " "))
    names = OCCURRENCE_COLUMNS if terms is OCCURRENCE else MULTIMEDIA_COLUMNS
    arrays = {name: made.get(name, pa.nulls(rows, pa.string())) for name in names}
    return pa.table({**arrays, **{name: table.column(name) for name in LOCATOR_COLUMNS}})
