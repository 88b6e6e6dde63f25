"""Reading names: canonical form, authorship, ranks, status, spelling."""
