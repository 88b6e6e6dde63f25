"""One family of stores: places with named files, on this machine or at any address that fsspec knows.

open_store(where)      the store of a folder or an address; a LocalStore or a RemoteStore
Store                  what all of them can do, and what they promise
StoreError             how all of them fail, with the kind of failure
Entry, Span            what a listing gives; a part of a file that is asked for
"""

from __future__ import annotations

from pipeline.storage.files.failures import FailureKind
from pipeline.storage.stores.local_store import LocalStore
from pipeline.storage.stores.opening import open_store
from pipeline.storage.stores.remote_store import RemoteStore
from pipeline.storage.stores.store import Entry, Span, Store, name_problem
from pipeline.storage.stores.store_error import StoreError

__all__ = [
    "Entry",
    "FailureKind",
    "LocalStore",
    "RemoteStore",
    "Span",
    "Store",
    "StoreError",
    "name_problem",
    "open_store",
]
