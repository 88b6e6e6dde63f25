"""The procedural biota: a corpus in four real layouts with a truth table, its web server, and records in bulk."""

from __future__ import annotations

from pipeline.demo.bulk import generate_records
from pipeline.demo.corpus import Corpus, build_corpus
from pipeline.demo.hosting import DemoServer, connect_to, serve

__all__ = ["Corpus", "DemoServer", "build_corpus", "connect_to", "generate_records", "serve"]
