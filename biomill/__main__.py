"""The command `biomill`, also as `python -m biomill`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from biomill.siblings import ShadowedError, check_siblings

_MISUSED = 2  # as ExitStatus says, which cannot be imported when it is needed


def main(argv: Sequence[str] | None = None) -> int:
    """Return the exit status of a command line, by default of the one that this process was started with."""
    try:
        check_siblings()
    except ShadowedError as error:
        sys.stderr.write(f"biomill: {error}\n")
        return _MISUSED
    # Not before: where a package of ours is shadowed, this import fails.
    from pipeline.commands.cli import main as command_line

    return command_line(argv)


if __name__ == "__main__":
    sys.exit(main())
