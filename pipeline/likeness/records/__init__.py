"""The records that likeness decides on: as arrays, as nodes of one picture each, in groups, and as files on disk."""
