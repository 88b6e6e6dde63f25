"""The exit statuses of every command, in one place, so that a script can tell what to do next."""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """What a command's end means to the shell; docs/commands.md lists them for people.

    >>> int(ExitStatus.NETWORK_LOST), ExitStatus(130).name
    (3, 'INTERRUPTED')
    """

    DONE = 0
    FAILED = 1
    """Something failed, or a check found something."""
    MISUSED = 2
    """The command line or the recipe cannot be used, or an extra is missing."""
    NETWORK_LOST = 3
    """The network was lost: the named command goes on."""
    NOTHING_KEPT = 4
    PARTLY = 5
    """Some units failed; the rest is whole."""
    INTERRUPTED = 130
    """By a signal, 128 + SIGINT as shells count it."""
