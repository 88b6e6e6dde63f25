"""Scores on published conformance suites, where those are at hand."""
