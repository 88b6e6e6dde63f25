"""Withdrawals: media, records and creators that may not be used any more, before a run and after one."""

from pipeline.withdrawal.finished import Looked, look, noted_lists
from pipeline.withdrawal.lists import KEYS_SCHEMA, read_withdrawals
from pipeline.withdrawal.matching import NOTED, NOTHING, gather

__all__ = [
    "KEYS_SCHEMA",
    "NOTED",
    "NOTHING",
    "Looked",
    "gather",
    "look",
    "noted_lists",
    "read_withdrawals",
]
