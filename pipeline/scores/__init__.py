"""Scores that others made of records or their pictures: read, joined by a key, and asked by conditions."""
