"""A plan as lines for people: what is asked first stands first, and every number says what it stands on."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from pipeline.model.duration import duration
from pipeline.model.visible import on_one_line
from pipeline.planning.plan_facts import BenchmarkPlan, Plan, Range, SourceRows, Volume
from pipeline.query.table import table as plain_table
from pipeline.query.values import cut

_HOSTS, _NAMED = 10, 5
_NAME = 60  # columns of a name
_LOSS = 0.05  # share of a source's rows that it loses before its largest loss is told
_COLUMNS = 8  # sources that have a column each
_LABEL = 12  # columns of what a line is about
_YES = {True: "yes", False: "no", None: "unknown"}
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def size(number: float) -> str:
    """Return bytes in the largest unit that fits, with three digits.

    >>> size(999), size(1_250_000), size(38_000_000_000)
    ('999 B', '1.25 MB', '38 GB')
    """
    unit = 0
    while number >= 999.5 and unit < len(_UNITS) - 1:
        number, unit = number / 1000, unit + 1
    return f"{number:.3g} {_UNITS[unit]}"


def span(sizes: Range) -> str:
    """Return bytes with their bounds, where they are not known exactly.

    >>> span(Range(1000, 2000, 3000)), span(Range(5, 5, 5))
    ('2 kB (1 kB to 3 kB)', '5 B')
    """
    if sizes.low == sizes.high:
        return size(sizes.value)
    return f"{size(sizes.value)} ({size(sizes.low)} to {size(sizes.high)})"


def plan_lines(plan: Plan, width: int | None = None) -> Iterator[str]:
    """Yield the plan for people; `width`: of the terminal, None: any."""
    rows = sum(each.rows for each in plan.sources)
    yield f"plan of {on_one_line(plan.recipe)}: {plan.candidates:,} of {rows:,} rows would be fetched"
    yield ""
    yield from _sources(plan, width)
    for part in (_kept, _fetching, _volumes, _licences, _taxa, _benchmarks, _names, _needs):
        lines = list(part(plan, width))
        if lines:
            yield ""
            yield from lines


def _said(label: str, text: str, width: int | None) -> Iterator[str]:
    """Yield a labelled paragraph, wrapped to the width."""
    begin = f"{label:<{_LABEL}}"
    if width is None:
        yield (begin + on_one_line(text)).rstrip()
        return
    room = max(width, _LABEL + 20)
    yield from textwrap.wrap(
        on_one_line(text), room, initial_indent=begin, subsequent_indent=" " * _LABEL, break_on_hyphens=False
    ) or [begin.rstrip()]


def _table(
    names: Sequence[str], right: Sequence[bool], rows: Sequence[Sequence[object]], width: int | None
) -> Iterator[str]:
    """Yield a table whose numbers have separators, as everywhere in a plan."""
    told = [[f"{each:,}" if isinstance(each, int) else each for each in row] for row in rows]
    return plain_table(names, right, told, width)


def _counted(number: int, one: str, many: str) -> str:
    """Return a number with its noun.

    >>> _counted(1, "class is", "classes are"), _counted(1200, "class is", "classes are")
    ('1 class is', '1,200 classes are')
    """
    return f"{number:,} {one if number == 1 else many}"


def _listed(parts: Sequence[str], most: int) -> str:
    more = f", and {len(parts) - most:,} more" if len(parts) > most else ""
    return ", ".join(parts[:most]) + more


def _sources(plan: Plan, width: int | None) -> Iterator[str]:
    lines = list(_funnel(plan)) if len(plan.sources) <= _COLUMNS else []
    # A table of which words are cut off says less than a line for every source.
    yield from lines if lines and (width is None or max(map(len, lines)) <= width) else _source_lines(plan, width)
    told = [source.loss for source in plan.sources if source.loss and _lost(source) >= _LOSS * source.rows]
    for number, loss in enumerate(told):
        yield from _said("" if number else "lost most", loss, width)
    chosen = [(source, key) for source in plan.sources for key in source.not_selected]
    for number, (source, key) in enumerate(chosen):
        text = f"source {source.source}: {_counted(key.rows, 'row', 'rows')} by {key.key}"
        yield from _said("" if number else "not chosen", text, width)


def _lost(source: SourceRows) -> int:
    return sum(way.rows for way in source.ended) - sum(key.rows for key in source.not_selected)


def _funnel(plan: Plan) -> Iterator[str]:
    """Yield rows by outcome, with a column for every source."""
    counted: dict[tuple[str, str], list[int]] = {}
    for place, source in enumerate(plan.sources):
        for way in source.ended:
            counted.setdefault((way.stage, way.outcome), [0] * len(plan.sources))[place] = way.rows
    totals = [each.rows for each in plan.sources]
    counted["", "would be fetched"] = [each.candidates for each in plan.sources]
    counted["", "all input rows"] = totals
    several = len(totals) > 1
    # What is left stands last, as in the funnel of a run.
    ordered = sorted(counted.items(), key=lambda item: (item[0][0] == "", item[0][1] == "all input rows", item[0]))
    rows = [[*key, *numbers, *([sum(numbers)] if several else [])] for key, numbers in ordered]
    names = ["stage", "outcome", *(each.source for each in plan.sources), *(["all"] if several else [])]
    yield from _table(names, [False, False, *[True] * (len(totals) + several)], rows, None)


def _source_lines(plan: Plan, width: int | None) -> Iterator[str]:
    """Yield a paragraph for every source, where a column for each would be too many or too narrow."""
    for number, source in enumerate(plan.sources):
        ways = sorted(source.ended, key=lambda way: (-way.rows, way.outcome))
        told = "".join(f", {way.rows:,} {way.outcome}" for way in ways)
        text = f"source {source.source}: {source.candidates:,} of {source.rows:,} rows are left{told}"
        yield from _said("" if number else "rows", text, width)


def _kept(plan: Plan, width: int | None) -> Iterator[str]:
    if not plan.candidates:
        return
    kept = plan.kept
    number = f"{kept.low:,}" if kept.low == kept.high else f"{kept.low:,} to {kept.high:,}"
    sure = "" if kept.confidence == 1 else f" with {100 * kept.confidence:.0f} % confidence"
    yield from _said("kept", f"{number} images{sure}: {kept.basis}", width)
    if kept.estimate is not None and kept.low != kept.high:
        yield from _said(
            "", f"about {kept.estimate:,} if duplicates are as rare as in the sample, so rather fewer", width
        )
    if plan.sample is None:
        return
    yield from _said(
        "sample",
        f"{plan.sample.rows:,} candidates fetched and compared, at most {plan.sample.per_source:,} a source",
        width,
    )
    yield from _table(
        ["source", "outcome", "rows"],
        [False, False, True],
        [[each.source, each.outcome, each.rows] for each in plan.sample.outcomes],
        width,
    )


def _fetching(plan: Plan, width: int | None) -> Iterator[str]:
    fetch = plan.fetching
    asked = [host for host in fetch.hosts if host.requests]
    if fetch.hosts:
        told = f"{_counted(fetch.requests, 'request', 'requests')} to {_counted(len(asked), 'host', 'hosts')}"
        if fetch.slowest is not None:
            told += f"; at least {duration(fetch.seconds)}"
            slowest = fetch.hosts[0]
            if slowest.seconds >= fetch.decode_seconds / fetch.workers:
                told += f", as {slowest.host} is asked {slowest.rate:g} times a second"
            else:
                told += f", to decode on {_workers(fetch.workers)}"
        yield from _said("fetching", told + "; robots.txt, redirects and repetitions come on top", width)
    for number, store in enumerate(fetch.stores):
        yield from _said("" if number else "stores", f"{store.media:,} media from the store of {store.source}", width)
    if fetch.not_asked_first:
        yield from _said("stand by", f"{fetch.not_asked_first:,} media, asked for where others cannot be had", width)
    mirrored = sum(host.mirrored for host in fetch.hosts)
    if mirrored:
        yield from _said("mirrors", f"{mirrored:,} media, asked of their hosts where no mirror holds them", width)
    if fetch.hosts:
        rows = [
            [host.host, host.requests, f"{host.rate:g}/s", host.connections, duration(host.seconds)]
            for host in fetch.hosts[:_HOSTS]
        ]
        yield from _table(
            ["host", "requests", "rate", "connections", "time"], [False, True, True, True, True], rows, width
        )
        if len(fetch.hosts) > _HOSTS:
            yield f"and {len(fetch.hosts) - _HOSTS:,} more hosts, none of them slower"


def _volumes(plan: Plan, width: int | None) -> Iterator[str]:
    if not plan.volumes:
        return
    fetched, stored = (
        _sum(parts) for parts in zip(*((each.fetched, each.stored) for each in plan.volumes), strict=True)
    )
    yield from _said("bytes", f"{span(fetched)} are fetched or read, {span(stored)} stored", width)
    rows = [
        [
            each.source,
            each.media,
            _share(each),
            size(each.fetched.value),
            each.images,
            size(each.stored.value),
            each.basis,
        ]
        for each in plan.volumes
    ]
    names = ["source", "media", "sized", "fetched", "images", "stored", "by"]
    yield from _table(names, [False, True, True, True, True, True, False], rows, width)
    if any(each.basis.endswith("sizes") for each in plan.volumes):
        yield from _said(
            "reckoned",
            "0.27 (0.10 to 0.51) bytes a declared pixel as hosts give pictures, 0.4 (0.03 to 3) MB where no size is "
            "declared, and bytes a pixel of stored ones by side and quality, within 30 %; --sample N measures instead",
            width,
        )
    if plan.heads is not None:
        mean = f", {size(plan.heads.mean_bytes)} on average" if plan.heads.mean_bytes is not None else ""
        yield from _said(
            "HEAD", f"{plan.heads.answered:,} of {plan.heads.asked:,} media have a stated length{mean}", width
        )


def _sum(parts: Iterable[Range]) -> Range:
    """Return the sum of numbers that are not known exactly, and of their bounds.

    >>> _sum([Range(1, 2, 3), Range(10, 20, 30)])
    Range(low=11, value=22, high=33)
    """
    each = list(parts)
    return Range(sum(one.low for one in each), sum(one.value for one in each), sum(one.high for one in each))


def _share(volume: Volume) -> str:
    return f"{100 * volume.declared / volume.media:.0f} %" if volume.media else "-"


def _licences(plan: Plan, width: int | None) -> Iterator[str]:
    if not plan.licences:
        return
    rows = [
        [each.family, each.images, _YES[each.may_share], _YES[each.may_change], _YES[each.may_sell]]
        for each in plan.licences
    ]
    names = ["licence", "rows", "may be shared", "may be changed", "may be sold"]
    yield from _table(names, [False, True, False, False, False], rows, width)


def _taxa(plan: Plan, width: int | None) -> Iterator[str]:
    taxa = plan.taxa
    if not taxa.taxa:
        return
    yield from _said("taxa", f"{taxa.taxa:,}: " + ", ".join(f"{each.taxa:,} {each.rank}" for each in taxa.ranks), width)
    tail = [f"{taxa.single:,} have one image", *(f"{each.taxa:,} fewer than {each.images:,}" for each in taxa.below)]
    share = f"the largest 1 % ({taxa.top_percent_taxa:,}) have {100 * taxa.top_percent_share:.0f} % of the images"
    yield from _said("long tail", f"{', '.join(tail)}; {share}", width)
    yield from _said("largest", ", ".join(f"{each.taxon} {each.images:,}" for each in taxa.top), width)
    floors = [
        f"{each.images_per_taxon:,} would keep {each.images:,} images of {each.taxa:,} taxa" for each in taxa.floors
    ]
    yield from _said("floors", "; ".join(floors), width)
    caps = [f"{each.images_per_taxon:,} would keep {each.images:,}" for each in taxa.caps]
    yield from _said("caps", "; ".join(caps), width)


def _benchmarks(plan: Plan, width: int | None) -> Iterator[str]:
    for each in plan.benchmarks:
        held = f"holds out {each.items:,} items and {each.keys:,} ids; {each.rows:,} rows end by ids or taxa"
        yield from _said("benchmark", f"{each.benchmark} {held}", width)
        for line in _oddities(each):
            yield from _said("", line, width)


def _oddities(each: BenchmarkPlan) -> Iterator[str]:
    if each.not_hashed:
        yield f"{_counted(each.not_hashed, 'item has', 'items have')} no hash, so no image is compared with it"
    if each.classes:
        yield f"{each.classes:,} classes, {each.unresolved:,} of which the taxonomy does not hold as one taxon"
    if each.synonyms:
        told = [f"{pair.taxon} is {pair.accepted}" for pair in each.synonyms]
        number = _counted(len(told), "class is the synonym", "classes are synonyms")
        yield f"{number} of another taxon: {_listed(told, _NAMED)}"
    if each.same_taxon:
        told = [f"{' = '.join(same.classes)} ({same.accepted})" for same in each.same_taxon]
        yield f"{_counted(len(told), 'taxon is', 'taxa are')} several classes: {_listed(told, _NAMED)}"


def _names(plan: Plan, width: int | None) -> Iterator[str]:
    for each in plan.names:
        if each.rows:
            label = each.outcome.removeprefix("name_").replace("rank_too_high", "too high")
            told = [f"{cut(on_one_line(name.name) or '(none)', _NAME)} {name.rows:,}" for name in each.top]
            counted = f"{_counted(each.names, 'name', 'names')} in {_counted(each.rows, 'row', 'rows')}"
            yield from _said(label, f"{counted}: {_listed(told, len(told))}", width)


def _needs(plan: Plan, width: int | None) -> Iterator[str]:
    if not plan.candidates:
        return
    needs = plan.needs
    cpu = sum(each.cpu_seconds for each in needs.stages)
    yield from _said(
        "a run needs",
        f"{size(needs.disk_bytes)} of disk, {size(needs.memory_bytes)} of memory, {duration(cpu)} of CPU; "
        f"at least {duration(needs.seconds)} on {_workers(needs.workers)}, if all candidates are kept",
        width,
    )


def _workers(number: int) -> str:
    return f"{number:,} workers" if number != 1 else "1 worker"
