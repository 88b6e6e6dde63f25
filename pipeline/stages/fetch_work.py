"""Working off the units of a fetch's plan, for a run's fetch as for that of a list: what is left, by whom, how far."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from pipeline.engine.executor import Executor
from pipeline.media.http.proxies import Proxies
from pipeline.media.network_loss import clear_pauses, still_to_ask
from pipeline.media.progress import FetchTicker
from pipeline.media.task import Planned
from pipeline.model.errors import NetworkLostError
from pipeline.stages import fetch_dealing
from pipeline.storage.places import Place, place
from pipeline.storage.unit_files import present, unit_path

if TYPE_CHECKING:
    from pipeline.media.work import FetchUnits


def missing_units(folder: Place, units: Sequence[Planned]) -> list[Planned]:
    """Return the units whose files are not there yet."""
    there = present(folder, (unit_path(each.unit) for each in units))
    return [each for each in units if unit_path(each.unit) not in there]


def work_off(
    executor: Executor,
    work: FetchUnits,
    todo: Sequence[Planned],
    round_: str,
    reuse: str,
    stores: Mapping[str, str],
    advice: str = "",
) -> Iterator[str]:
    """Fetch what the units of a round lack, and yield lines of progress as it goes on.

    `reuse`: the table of earlier answers, in the folder of the work. `stores`: the path of every local store that a
    unit names. `advice`: what is said behind a line about workers that have nothing to do.
    Raises NetworkLostError with how much is still to be asked for, and what `Executor.follow` raises.
    """
    folder, rules = place(work.folder), work.fetch
    clear_pauses(folder)
    if any(not each.store for each in todo) and (line := Proxies.from_environment().line()):
        yield f"fetch: {line}"
    try:
        for parts in fetch_dealing.passes(rules, executor.sharing):
            todo = missing_units(folder, todo)
            if not todo:
                break
            tasks = fetch_dealing.tasks(folder, round_, todo, reuse, stores, rules, parts)
            if idle := fetch_dealing.idle_workers(rules, todo, tasks, executor.sharing):
                yield f"{idle}{advice}"
            ticker = FetchTicker(folder, rules)
            with closing(executor.follow("fetch", tasks, work, folder)) as steps:
                for _ in steps:
                    if line := ticker.line():
                        yield line
    except NetworkLostError as error:
        raise still_to_ask(folder, error) from error
    finally:
        (folder / fetch_dealing.left_name(round_)).unlink(missing_ok=True)
