"""Mutation testing: does any test fail when one place of the product is made wrong? See docs/testing.md."""
