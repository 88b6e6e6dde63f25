"""Uniting published taxonomies into one index on disk."""
