"""Faults inside the shards: header fields, padding and end, members, and every key of the samples' JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from pipeline.shards import sample_locations
from pipeline.verify.headers import FIXED
from pipeline.verify.samples import flattened
from tests.conformance.planting.forgery import (
    Fault,
    Members,
    json_of,
    other_value,
    put,
    read_tar,
    shards_of,
    write_tar,
)

_STRANGE = {"mode": b"0000600\0", "uid": b"0001750\0", "gid": b"0000144\0", "mtime": b"15016302071\0", "version": b"  "}
_REWRITTEN: tuple[tuple[str, Callable[[bytes], bytes], str], ...] = (
    ("unknown key", lambda text: text.replace(b"{", b'{"aaa":1,', 1), "key aaa"),
    ("key twice", lambda text: text.replace(b'"key":', b'"key":"first","key":', 1), "key twice"),
    ("NaN", lambda text: text.replace(b"{", b'{"aab":NaN,', 1), "NaN"),
    ("cut short", lambda text: text[:-5], "not a sample's JSON"),
    ("blanks", lambda text: text + b" ", "not written"),
    ("1 for true", lambda text: text.replace(b'"may_share":true', b'"may_share":1'), "key may_share"),
)


def header_faults(run: Path) -> Iterator[Fault]:
    """Yield a fault for every field of a tar header, with the header's checksum made to fit, and what is between."""
    for number, name in enumerate(sorted({*FIXED, "name", "size", "chksum"})):
        ends = name in ("typeflag", "magic", "name", "size", "prefix")
        named = {"name": "archives", "size": "archives", "prefix": "header", "magic": "magic"}.get(name, name)
        yield Fault("tar header, field", name, partial(_header, name=name, number=number), (named,), alone=ends)
    yield Fault("tar, between", "padding", _padding, ("padding",))
    for name, change, named in (
        ("more zero blocks at the end", lambda data: data + bytes(10_240), "end of the archive"),
        ("one zero block less than two", lambda data: data.rstrip(b"\0") + bytes(100), "truncated"),
        ("data after the end", lambda data: data + b"x" + bytes(10_239), "end of the archive"),
    ):
        yield Fault("tar, between", name, partial(_whole_tar, change=change), (named,), alone=True)


def member_faults(run: Path) -> Iterator[Fault]:
    """Yield faults of whole members and samples; places and indices are forged along."""
    changes: list[tuple[str, Callable[..., Members], str, str]] = []
    for suffix, _ in read_tar(shards_of(run)[0])[0][1]:
        changes.append((f"no {suffix}", _without, suffix, f"no {suffix}"))
        if suffix.endswith("txt"):
            changes.append((f"another {suffix}", _reworded, suffix, f"KEY.{suffix}"))
    changes += [("one more", _one_more, "", "strange cls"), ("in another order", _turned, "", "in another order")]
    changes += [(f"JSON: {name}", partial(_rewritten, how=how), "json", named) for name, how, named in _REWRITTEN]
    for number, (name, change, suffix, named) in enumerate(changes):
        plant = partial(_members, change=change, suffix=suffix, number=number)
        yield Fault("member", name, plant, (named,))
    yield Fault("member", "another jpg", _other_picture, ("not what fetch stored",), alone=True)
    yield Fault("sample", "one less", _sample_less, ("without a sample",), alone=True)
    yield Fault("sample", "two turned", _samples_turned, ("order of the rows",), alone=True)


def json_faults(run: Path) -> Iterator[Fault]:
    """Yield two faults for every key that any sample's JSON has: another value, and none."""
    keys: dict[str, None] = {}
    for shard in shards_of(run):
        for _, members in read_tar(shard):
            keys |= dict.fromkeys(
                key for key, value in flattened(json_of(members)).items() if value not in ("", None, [])
            )
    for number, key in enumerate(sorted(keys)):
        for name, change in (("another value", _another), ("taken out", _taken)):
            plant = partial(_json, key=key, number=2 * number + (change is _taken), change=change)
            yield Fault(f"key of the JSON, {name}", key, plant, (f"key {key}",))


def _chosen(run: Path, random: Random, number: int) -> tuple[Path, int]:
    """Choose a shard and a sample, another one for every number."""
    shards = [(shard, place) for shard in shards_of(run) for place in range(len(list(sample_locations(shard))))]
    return shards[(number * 3 + random.randrange(3)) % len(shards)]


def _header(run: Path, random: Random, name: str, number: int) -> None:
    shard, place = _chosen(run, random, number)
    member = random.choice(list(sample_locations(shard))[place].members)
    data, start = bytearray(shard.read_bytes()), member.offset - 512
    block = data[start : start + 512]
    if name in FIXED:
        at, fixed = FIXED[name]
        strange = _STRANGE.get(name, b"1" if name == "typeflag" else b"planted"[: len(fixed)])
        block[at : at + len(strange)] = strange
    elif name == "name":
        block[0:1] = b"/"
    elif name == "size":
        block[124:136] = b"%011o\0" % (member.size + 512)
    block[148:156] = b" " * 8
    block[148:156] = b"%07o\0" % sum(block) if name == "chksum" else b"%06o\0 " % sum(block)
    data[start : start + 512] = block
    put(shard, bytes(data))


def _padding(run: Path, random: Random) -> None:
    for shard in shards_of(run):
        data = bytearray(shard.read_bytes())
        padded = [m for sample in sample_locations(shard) for m in sample.members if m.size % 512]
        if padded:
            member = random.choice(padded)
            data[member.offset + member.size] = 1
            put(shard, bytes(data))
            return


def _whole_tar(run: Path, random: Random, change: Callable[[bytes], bytes]) -> None:
    shard = random.choice(shards_of(run))
    put(shard, change(shard.read_bytes()))


def _members(run: Path, random: Random, change: Callable[..., Members], suffix: str, number: int) -> None:
    """Change the members of one sample, another one for every number; one that it does not change is passed over."""
    shards = shards_of(run)
    shard = shards[(number + random.randrange(len(shards))) % len(shards)]
    samples = read_tar(shard)
    start = random.randrange(3)
    for turn in range(len(samples)):
        place = (3 * number + start + turn) % len(samples)
        key, members = samples[place]
        changed = change(members, suffix)
        if changed != members:
            samples[place] = (key, changed)
            write_tar(shard, samples)
            return
    raise AssertionError(f"no sample of {shard.name} can be changed so")


def _without(members: Members, suffix: str) -> Members:
    return [member for member in members if member[0] != suffix]


def _reworded(members: Members, suffix: str) -> Members:
    return [(name, data + b"!" if name == suffix else data) for name, data in members]


def _one_more(members: Members, suffix: str) -> Members:
    return [*members, ("cls", b"7")]


def _turned(members: Members, suffix: str) -> Members:
    return [members[1], members[0], *members[2:]]


def _rewritten(members: Members, suffix: str, how: Callable[[bytes], bytes]) -> Members:
    return [(name, how(data) if name == suffix else data) for name, data in members]


def _other_picture(run: Path, random: Random) -> None:
    """Exchange the pictures of two samples, and forge the digests in the manifest."""
    from hashlib import sha256

    from tests.conformance.planting.forgery import edit_table

    shard = random.choice(shards_of(run))
    samples = read_tar(shard)
    one, other = random.sample(range(len(samples)), 2)
    pictures = dict(samples[one][1])["jpg"], dict(samples[other][1])["jpg"]
    digests = {}
    for place, picture in ((one, pictures[1]), (other, pictures[0])):
        samples[place] = (samples[place][0], [(n, picture if n == "jpg" else d) for n, d in samples[place][1]])
        digests[samples[place][0]] = sha256(picture).hexdigest()
    write_tar(shard, samples)

    def change(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row["sha256"] = digests.get(row["key"], row["sha256"])

    edit_table(run / "shards" / "manifest.parquet", change)


def _sample_less(run: Path, random: Random) -> None:
    shard = random.choice(shards_of(run))
    samples = read_tar(shard)
    del samples[random.randrange(len(samples))]
    write_tar(shard, samples)


def _samples_turned(run: Path, random: Random) -> None:
    shard = random.choice(shards_of(run))
    samples = read_tar(shard)
    at = random.randrange(len(samples) - 1)
    samples[at], samples[at + 1] = samples[at + 1], samples[at]
    write_tar(shard, samples)


def _json(run: Path, random: Random, key: str, number: int, change: Callable[..., None]) -> None:
    """Change one key in a sample that has it."""
    shards = shards_of(run)
    for turn in range(len(shards)):
        shard = shards[(number + turn) % len(shards)]
        samples = read_tar(shard)
        having = [
            place
            for place, (_, members) in enumerate(samples)
            if flattened(json_of(members)).get(key) not in (None, "", [])
        ]
        if having:
            place = having[(number * 5 + random.randrange(5)) % len(having)]
            name, members = samples[place]
            sample = json_of(members)
            outer, _, inner = key.partition(".")
            change(sample[outer] if inner else sample, inner or outer, random)
            text = json.dumps(sample, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
            samples[place] = (name, [(suffix, text if suffix == "json" else data) for suffix, data in members])
            write_tar(shard, samples)
            return


def _another(table: dict[str, Any], name: str, random: Random) -> None:
    table[name] = other_value(table[name], None, random)


def _taken(table: dict[str, Any], name: str, random: Random) -> None:
    del table[name]
