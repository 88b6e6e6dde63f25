"""A worker process of Beam that marks its start and its end in a folder, so that its death is seen at once.

`PID.log` is there from the start, and takes what the worker prints; `PID.ended` comes when it has ended well, and
`PID.failed` when it has ended otherwise by itself. A process that is gone and left neither was killed.
"""

from __future__ import annotations

import os
import shlex
import sys
import threading
import time
from pathlib import Path

MODULE = "pipeline.engine.sdk_worker"
_LOOK_SECONDS = 0.5


def command_of(marks: str, debug: bool, *more: str) -> str:
    """Return the shell command of a worker. `more`: where it gets its work, when the environment does not say it.

    The shell writes the first mark, and `exec` leaves no shell between the worker and whoever started it.

    >>> command_of("/marks", False).partition("-m ")[2]
    'pipeline.engine.sdk_worker /marks ... </dev/null >/dev/null 2>/marks/$$.log'
    """
    log = f"{shlex.quote(marks)}/$$.log"
    words = f"exec {shlex.join([sys.executable, '-m', MODULE, marks, str(os.getpid()), *more])} </dev/null"
    return f": >{log}; {words}" if debug else f"{words} >/dev/null 2>{log}"


def main(marks: str, parent: str, control: str = "", worker_id: str = "") -> None:
    """Be a worker until there is no more work. `control`: address of the service that gives it, when Beam says none."""
    mark = Path(marks) / str(os.getpid())
    threading.Thread(target=_end_with_parent, args=(int(parent),), name="biomill-parent", daemon=True).start()
    try:
        if control:
            from apache_beam.runners.worker.sdk_worker import SdkHarness

            SdkHarness(control, worker_id=worker_id, state_cache_size=0, data_buffer_time_limit_ms=-1).run()
        else:
            from apache_beam.runners.worker import sdk_worker_main

            sdk_worker_main.main([])
    except BaseException:
        mark.with_suffix(".failed").touch()
        raise
    mark.with_suffix(".ended").touch()


def _end_with_parent(parent: int) -> None:
    """End when the parent is gone: Beam lets a worker finish its unit, and the next command must not meet it there."""
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
