"""Faults that are planted into copies of finished runs, by kind; `tests.conformance.planted_faults` draws them."""
