"""Measures of embeddings against the labels of a run."""
