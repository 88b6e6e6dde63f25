"""Verdicts: what people decide about records, pictures, pairs and names, in files that a run obeys and accounts for."""
