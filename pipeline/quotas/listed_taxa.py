"""The taxa that a recipe lists, as what the number of taxa is counted within: each taxon lies in one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from manifests import Recipe
from manifests.sections.select_rules import LISTED
from pipeline.choosing.chosen_taxa import below
from pipeline.storage.database import registered
from pipeline.storage.files.atomic import read_json
from pipeline.storage.places import Place, local_folder
from pipeline.storage.run_folder import RunFolder

if TYPE_CHECKING:
    import duckdb


def note_listed(con: duckdb.DuckDBPyConnection, recipe: Recipe, folder: RunFolder, index: Place) -> None:
    """Make the table `quota_listed` (accepted_id, listed) where a recipe counts taxa within those that it lists.

    A taxon below several of them is of the first in the list. `folder`: a run whose stage screen is done; `index`: the
    taxonomy, opened only where it is asked.
    """
    if recipe.select.most_taxa_per != LISTED:
        return
    from taxonomy import Taxonomy

    taxonomy = Taxonomy.open(local_folder(index))
    con.execute("CREATE OR REPLACE TEMP TABLE quota_listed (accepted_id VARCHAR, listed VARCHAR)")
    for listed in read_json(folder.done("screen"))["facts"]["chosen_taxa"]["select.taxa"]:
        with registered(con, "taxa_below", pa.table({"id": below([taxonomy.row(listed)], taxonomy)})):
            con.execute(
                "INSERT INTO quota_listed SELECT id, ? FROM taxa_below t "
                "ANTI JOIN quota_listed l ON l.accepted_id = t.id",
                [listed],
            )
