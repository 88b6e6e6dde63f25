"""Measures of embeddings, as pure functions of arrays: formulas, null levels and errors, and nothing of files."""
