"""Media that lie in folders, archives and object stores.

open_store(path)       the media store of a folder, a zip or tar, a folder of such parts, or an address
MediaStore             what all of them can do; Take is told of the bytes as they are read
"""

from __future__ import annotations

from pipeline.media.stores.media_store import MediaStore, Take
from pipeline.media.stores.opening import open_store

__all__ = ["MediaStore", "Take", "open_store"]
