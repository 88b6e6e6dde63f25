"""A condition on the command line: SQL on the view `samples`, or a SELECT of keys."""

from __future__ import annotations

import argparse


def condition(text: str) -> str:
    """Return a condition as argparse reads it for an option whose default is None.

    >>> condition("split = 'val'")
    "split = 'val'"
    >>> condition(" ")
    Traceback (most recent call last):
        ...
    argparse.ArgumentTypeError: the condition is empty: leave the option out for all pictures
    """
    if not text.strip():
        raise argparse.ArgumentTypeError("the condition is empty: leave the option out for all pictures")
    return text
