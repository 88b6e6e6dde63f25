"""WebDataset shards: captions, deterministic tar archives, indices and checksums. Pure functions; knows no Beam."""

from __future__ import annotations

from pipeline.shards.captions import Captions, TaxonNames, captions, taxon_names
from pipeline.shards.checksums import (
    CHECKSUMS,
    checksum_text,
    file_digest,
    parse_checksums,
    read_checksums,
    verify_checksums,
    write_checksums,
)
from pipeline.shards.index import SIZES, dali_index, index_path, read_sizes, sizes_json, verify_index
from pipeline.shards.lean import read_samples, samples_path, write_samples
from pipeline.shards.loading import README, loading_block, shards_readme
from pipeline.shards.members import LEAN, member_suffixes, text_members
from pipeline.shards.order import (
    bounded_count,
    order_key,
    order_texts,
    shard_count,
    shard_hash,
    shard_hashes,
    shard_name,
    shard_names,
    shard_of,
)
from pipeline.shards.quality import pair_rate
from pipeline.shards.sample_json import SAMPLE_SCHEMA, json_form, json_schema, key_table, sample, sample_json
from pipeline.shards.scan import scan
from pipeline.shards.tar import MemberLocation, SampleLocation, ShardWriter
from pipeline.shards.walk import Member, sample_locations, walk

__all__ = [
    "CHECKSUMS",
    "LEAN",
    "README",
    "SAMPLE_SCHEMA",
    "SIZES",
    "Captions",
    "Member",
    "MemberLocation",
    "SampleLocation",
    "ShardWriter",
    "TaxonNames",
    "bounded_count",
    "captions",
    "checksum_text",
    "dali_index",
    "file_digest",
    "index_path",
    "json_form",
    "json_schema",
    "key_table",
    "loading_block",
    "member_suffixes",
    "order_key",
    "order_texts",
    "pair_rate",
    "parse_checksums",
    "read_checksums",
    "read_samples",
    "read_sizes",
    "sample",
    "sample_json",
    "sample_locations",
    "samples_path",
    "scan",
    "shard_count",
    "shard_hash",
    "shard_hashes",
    "shard_name",
    "shard_names",
    "shard_of",
    "shards_readme",
    "sizes_json",
    "taxon_names",
    "text_members",
    "verify_checksums",
    "verify_index",
    "walk",
    "write_checksums",
    "write_samples",
]
