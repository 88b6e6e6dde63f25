"""Working off the units of a fetch's plan, for a run's fetch as for that of a list: what is left, by whom, how far."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain
from typing import TYPE_CHECKING

from pipeline.engine.executor import Executor
from pipeline.media.http.proxies import Proxies
from pipeline.media.network_loss import clear_pauses, still_to_ask
from pipeline.media.parts import GatherPart, part_tasks, remove_gathered
from pipeline.media.progress import FetchTicker
from pipeline.media.task import Planned
from pipeline.model.errors import NetworkLostError
from pipeline.stages import fetch_dealing
from pipeline.storage.places import Place, address_of, place
from pipeline.storage.unit_files import gathered, present, unit_path

if TYPE_CHECKING:
    from pipeline.media.work import FetchUnits


def missing_units(folder: Place, units: Sequence[Planned]) -> list[Planned]:
    """Return the units that have no file yet, and stand in no part."""
    there = present(folder, (unit_path(each.unit) for each in units))
    inside = set(chain.from_iterable(gathered(folder).values()))
    return [each for each in units if unit_path(each.unit) not in there and each.unit not in inside]


def gather(executor: Executor, folder: Place, round_: str, units: Sequence[Planned]) -> list[str]:
    """Gather the units of a round that is done into parts, and give the parts' names.

    Parts that are there stay. Raises what `Executor.follow` raises.
    """
    names = [each.unit for each in units]
    parts, tasks = part_tasks(folder, round_, names, sum(each.rows for each in units))
    work = GatherPart(address_of(folder))
    if len(tasks) == 1:
        work(tasks[0])
    elif tasks:
        for _ in executor.follow("fetch", tasks, work, folder):
            pass
    remove_gathered(folder, names)
    return parts


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
