"""Matching names against the index, by rungs, with evidence."""
