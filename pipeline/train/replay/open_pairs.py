"""Which pairs stand behind an address: those of a run, or of tars that were not made here."""

from __future__ import annotations

from pipeline.feed import Feed, Rules, View
from pipeline.feed.feed import located
from pipeline.feed.manifest_cache import MANIFEST
from pipeline.feed.permutation import subkey
from pipeline.model.errors import FeedError
from pipeline.storage.stores import StoreError, open_store
from pipeline.train.replay.pair_batch import Pairs
from pipeline.train.replay.run_pairs import RunPairs
from pipeline.train.replay.tar_index import EXPECTED, open_index
from pipeline.train.replay.tar_pairs import TarPairs
from pipeline.train.settings import Settings

_SEED_BITS = 31


def open_pairs(settings: Settings, view: View) -> Pairs:
    """Return what `settings.replay` names, in batches of `replay_batch`, shown as the main images are.

    Raises FeedError where there is nothing to read, or less than a step takes.
    """
    # Another order than the main batches', also where both read the same shards.
    seed = subkey(settings.seed, "replay") >> (64 - _SEED_BITS)
    found = _opened(settings, view, seed)
    if len(found) < settings.replay_batch:
        raise FeedError(
            f"the replay has {len(found):,} pairs, and a step takes {settings.replay_batch:,}",
            found.where,
            "at least as many as a step takes",
            "lower replay_batch, or name more shards",
        )
    return found


def _opened(settings: Settings, view: View, seed: int) -> Pairs:
    address = settings.replay.rstrip("/")
    folder, only = address, ""
    if address.endswith(".tar"):
        folder, slash, only = address.rpartition("/")
        folder = folder if slash else "."
    else:
        folder = located(address)[0]
    store = open_store(folder)
    try:
        if not only and store.exists(MANIFEST):
            rules = Rules(settings.replay_batch, seed, settings.mode, split="train", threads=settings.threads)
            return RunPairs(Feed(address, rules, view), store.where)
        listed = store.listing()
    except StoreError as error:
        raise FeedError(f"the replay cannot be read: {error.reason}", error.where, EXPECTED) from error
    tars = {name: entry for name, entry in listed.items() if name == only or (not only and name.endswith(".tar"))}
    if not tars:
        raise FeedError(
            "the replay is not there: no such tar" if only else "the replay holds no tar",
            f"{store.where}/{only}" if only else store.where,
            f"a run, or a folder of {EXPECTED}",
            "name where they lie with replay",
        )
    return TarPairs(store, open_index(store, store.where, tars), settings.replay_batch, seed, view, settings.threads)
