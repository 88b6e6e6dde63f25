"""Fetch the images of a list of addresses with Beam, and write them as WebDataset shards.

    printf 'key,url\na1,https://example.org/a.jpg\n' > images.csv
    python examples/shards_of_addresses.py images.csv out/shards --contact me@example.org

Hosts are asked as politely as a run asks them, and told the contact. More arguments go to Beam, such as
`--runner=FlinkRunner`, or `--direct_num_workers=2 --direct_running_mode=multi_processing`.
"""

import argparse
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pyarrow.csv

from biomill.beam import FetchMedia, WriteShards
from manifests import FetchRules


def main() -> None:
    """Run the pipeline, and print how the addresses ended."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("list", type=Path, help="a CSV file with the columns key and url")
    parser.add_argument("out", type=Path)
    parser.add_argument("--contact", default="", help="a mail address or page, which hosts are told")
    parser.add_argument("--shards", type=int, default=4)
    parser.add_argument("--allow-private", action="append", default=[], metavar="HOST", help="a host of your network")
    args, beam_arguments = parser.parse_known_args()
    rules = FetchRules(contact=args.contact, allow_private=tuple(args.allow_private))
    batches = [batch for batch in pa.csv.read_csv(args.list).to_batches() if batch.num_rows]
    with beam.Pipeline(argv=beam_arguments) as pipeline:
        (
            pipeline
            | beam.Create(batches)
            | FetchMedia(column="url", fetch=rules)
            | WriteShards(args.out, shards=args.shards, key="key")
        )
    for counter in pipeline.result.metrics().query()["counters"]:
        if counter.key.metric.namespace == "biomill":
            print(counter.key.metric.name, counter.committed)


if __name__ == "__main__":
    main()
