"""Conformance suites of others, run against Biomill; each module prints its score."""
