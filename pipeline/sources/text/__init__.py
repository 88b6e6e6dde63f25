"""Delimited text: where its rows end, its header, parsing it with and without quoting."""
