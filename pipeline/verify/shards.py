"""The shards: checksums, members, keys, places, images and captions, each with a finding of its own."""

from __future__ import annotations

from pipeline.shards import read_sizes, verify_checksums, verify_index
from pipeline.verify.check import Run, report
from pipeline.verify.contents import Contents


def checksums(run: Run) -> str:
    """Every file that the checksum file lists hashes to what it says, and all shards are listed."""
    root = run.folder.stage("shards")
    return f"{verify_checksums(root, sorted(read_sizes(root / 'sizes.json'))):,} files"


def archives(found: Contents) -> str:
    """Every shard is a whole, plain tar archive."""
    report("shards are no plain tar archives", found.archives)
    return f"{found.shards:,} shards walked to their end"


def members(found: Contents) -> str:
    """Every sample has an image, a caption and its JSON, and the members that all others have."""
    report("samples with missing or strange members", found.members)
    return f"{found.samples:,} samples, each with all its members"


def keys(found: Contents) -> str:
    """No key comes twice, in a shard, between shards, or in the manifest."""
    report("keys come twice", found.keys)
    return f"{found.samples:,} keys, each once"


def places(run: Run, found: Contents) -> str:
    """Tar walk = index = sizes = manifest = catalog."""
    report("places differ", found.places)
    root = run.folder.stage("shards")
    indexed = sum(verify_index(root / shard) for shard in sorted(read_sizes(root / "sizes.json")))
    return f"{indexed:,} samples, in the tar where index, manifest and catalog say"


def images(found: Contents) -> str:
    """Every JPEG is, byte for byte, the one that was stored."""
    report("images have changed", found.images)
    return f"{found.samples:,} images hashed"


def captions(found: Contents) -> str:
    """Every caption is what the caption rules make of the accepted lineage."""
    report("captions are not those of the labels", found.captions)
    return f"{found.samples:,} captions made again"


def labels(run: Run, found: Contents) -> str:
    """The JSON's labels are the catalog's, and every species holds its genus."""
    report("labels differ", found.labels)
    run.none(
        "SELECT key, species FROM samples WHERE species IS NOT NULL AND genus IS NULL ORDER BY 1",
        "species without a genus",
    )
    run.none(
        "SELECT key, species, genus FROM samples WHERE species IS NOT NULL "
        "AND NOT starts_with(replace(species, '× ', ''), replace(genus, '× ', '') || ' ') ORDER BY 1",
        "species outside their genus",
    )
    run.none("SELECT key FROM samples WHERE accepted_id IS NULL ORDER BY 1", "samples without an accepted taxon")
    return f"{run.count('SELECT count(*) FROM taxa'):,} accepted taxa"
