"""Where a run's files lie: a folder of this machine, or an address of any file system that fsspec knows.

place(address)         a `Path` of this machine, or a `RemotePath`: one way to name files for both
RemotePath             a file or folder at an address, named as pathlib names those of a disk
local(place)           the file on this machine: itself, or a copy that all processes of the machine share
local_folder(place)    the same for all files of a folder
near(place, pattern, bytes), near_file, near_files, near_entry  the same for small files alone
matching(place, "*.parquet")  what lies in a folder, by one listing
upload, size_of, modified, remove_tree, read_stretch   what both can do
Mirror                 small files of a remote folder, on this machine as they come and go
near_folder(place)     all files of a run on this machine, archives only while they are read
remembering(place)     what this process wrote, or was told of frozen folders, is not asked for again (`freeze`)
Lease                  who may write a folder at an address, where no kernel keeps a lock
"""

from __future__ import annotations

from pipeline.storage.places.lease import Lease
from pipeline.storage.places.machine_copies import (
    driver_folder,
    local,
    local_folder,
    near,
    near_entry,
    near_file,
    near_files,
)
from pipeline.storage.places.mirror import Mirror
from pipeline.storage.places.near_folder import near_folder
from pipeline.storage.places.place import (
    Place,
    address_of,
    matching,
    modified,
    place,
    read_stretch,
    remove_tree,
    size_of,
    upload,
)
from pipeline.storage.places.remembered import freeze, remembering
from pipeline.storage.places.remote_path import RemotePath

__all__ = [
    "Lease",
    "Mirror",
    "Place",
    "RemotePath",
    "address_of",
    "driver_folder",
    "freeze",
    "local",
    "local_folder",
    "matching",
    "modified",
    "near",
    "near_entry",
    "near_file",
    "near_files",
    "near_folder",
    "place",
    "read_stretch",
    "remembering",
    "remove_tree",
    "size_of",
    "upload",
]
