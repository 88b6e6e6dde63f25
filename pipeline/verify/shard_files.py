"""The shards: archives, members, keys, places, captions and labels, each with a finding of its own."""

from __future__ import annotations

from pipeline.storage.statements import Statements
from pipeline.verify.check import Run, check_all
from pipeline.verify.contents import Contents
from pipeline.verify.files import sizes
from pipeline.verify.samples import Told

_SQL = Statements(__name__)


def archives(found: Contents) -> str:
    """Every tar of the folder is a whole, plain archive, with headers that say nothing but name and size."""
    check_all(found.archives, found.headers)
    return f"{len(found.counts):,} shards walked to their end"


def members(told: Told) -> str:
    """Every sample has the members of the layout, in its order, and a JSON that is one."""
    told.members.check()
    return f"{told.samples:,} samples, each with all its members"


def keys(run: Run) -> str:
    """No key comes twice, in a shard or between shards."""
    run.none(_SQL("keys_that_come_twice"), "keys come twice")
    return f"{run.count('SELECT count(*) FROM found'):,} keys, each once"


def places(run: Run, found: Contents) -> str:
    """The indices and sizes.json say where and how many samples the walk finds."""
    check_all(found.indices, sizes(run, found))
    return f"{found.samples:,} samples, in the tar where indices and sizes say"


def captions(told: Told) -> str:
    """Every caption is what the caption rules make of the accepted lineage."""
    told.captions.check()
    return f"{told.samples:,} captions made again"


def other_keys(told: Told) -> str:
    """Every other key of the JSON tells what records, names and media say."""
    told.other.check()
    return f"{told.samples:,} samples' JSON, key by key"


def labels(run: Run, told: Told) -> str:
    """The JSON's labels are those that the names were resolved to, and every species holds its genus."""
    told.labels.check()
    run.none(
        "SELECT key, species FROM samples WHERE species IS NOT NULL AND genus IS NULL ORDER BY 1",
        "species without a genus",
    )
    run.none(_SQL("outside_their_genus"), "species outside their genus")
    run.none("SELECT key FROM samples WHERE accepted_id IS NULL ORDER BY 1", "samples without an accepted taxon")
    return f"{run.count('SELECT count(*) FROM taxa'):,} accepted taxa"
