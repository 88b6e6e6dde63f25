"""What is asked of a training run: every value that decides its weights, and the few that do not."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from manifests.nearness import closest
from pipeline.feed.choices import CROPS, DECODERS, MIXES, MODES, MOST_THREADS, SAMPLERS, TEXT_TYPES
from pipeline.model.errors import UsageError

OBJECTIVES = ("contrast", "classify")
"""Image and text against each other (CLIP), or one class of a fixed list."""
PRECISIONS = ("fp32", "bf16")
HEADS = ("linear", "hierarchical")
JOURNALS = ("tensorboard", "wandb")
"""Where the log may go beside its file."""
FREE = frozenset(
    ("workers", "threads", "device", "checkpoint_every", "keep", "log_every", "compile", "journals", "replay")
)
"""Settings that change when and where, and no batch and no gradient; they may change when a run goes on.

`replay` is one, as an address: what lies there is compared by its digest, as the main data are.
"""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a training run; defaults are those of BioCLIP 2 where a small machine can bear them."""

    model: str = "tiny"
    """`tiny` (built in), or `open_clip:NAME`, with `@FILE` for weights to begin with."""
    objective: str = "contrast"
    """One of OBJECTIVES."""
    head: str = "linear"
    """Objective classify: `linear` over accepted taxa, or `hierarchical`, a softmax at each of the seven ranks."""
    text: tuple[str, ...] = ("taxon_com",)
    """Text types that are drawn from; with several, `mix` says how."""
    mix: str = "batch"
    """One of MIXES."""
    template: str = ""
    """A sentence of one's own around each caption's names, with `{}` in it; '' for the shards' captions."""
    batch: int = 256
    """Samples of a step, over all processes."""
    accumulation: int = 1
    """Parts in which a process computes its share of the batch, one after another; the gradient is the same."""
    steps: int = 1000
    """Steps of the whole run, by which the learning rate falls."""
    rate: float = 1e-3
    """Learning rate behind the warm-up."""
    warmup: int = 50
    """Steps in which the rate rises from 0, in a straight line; then it falls to 0 by half a cosine."""
    decay: float = 0.2
    """Weight decay of matrices; vectors and scales have none."""
    beta1: float = 0.9
    beta2: float = 0.98
    epsilon: float = 1e-6
    """Of AdamW, like the betas."""
    clip: float = 1.0
    """Largest norm of the gradient; 0 for any."""
    scale_limit: float = 100.0
    """Largest factor of similarities, as in CLIP (Radford and others 2021)."""
    precision: str = "fp32"
    """One of PRECISIONS."""
    checkpointing: bool = False
    """Compute activations again in the backward pass, and hold fewer."""
    compile: bool = False
    """Hand the model to torch.compile."""
    seed: int = 0
    """Of weights, order, crops and texts."""
    device: str = ""
    """`cpu`, `cuda`, `cuda:1`; '' for a GPU where there is one."""
    sampler: str = "uniform"
    cap: int = 0
    mode: str = "index"
    split: str = "train"
    where: str = ""
    """Of the feed: sampler, its cap, how shards are read, and which samples."""
    size: int = 0
    """Side of the images; 0 for what the model takes."""
    crop: str = "random"
    decoder: str = "pillow"
    workers: int = 0
    """Processes that decode, of each training process."""
    threads: int = 1
    """Threads that decode a batch."""
    replay: str = ""
    """Run, or folder of WebDataset tars with KEY.jpg and KEY.txt, whose pairs stand beside every batch; '' for none."""
    replay_batch: int = 0
    """Pairs of the replay in a step, over all processes."""
    shuffled: bool = False
    """Give every taxon another one's caption, by a permutation: the control that must learn nothing."""
    checkpoint_every: int = 200
    keep: int = 2
    """Checkpoints that are kept, the newest."""
    log_every: int = 1
    journals: tuple[str, ...] = ()
    """Where the log goes beside `log.jsonl`, of JOURNALS; each needs its package."""

    def check(self) -> None:
        """Raise UsageError for the first value that cannot be."""
        for name, allowed in (
            ("objective", OBJECTIVES),
            ("head", HEADS),
            ("mix", MIXES),
            ("precision", PRECISIONS),
            ("sampler", SAMPLERS),
            ("mode", MODES),
            ("crop", CROPS),
            ("decoder", DECODERS),
        ):
            _one_of(name, getattr(self, name), allowed)
        for text in self.text:
            _one_of("text", text, TEXT_TYPES)
        if not self.text or len(set(self.text)) != len(self.text):
            raise UsageError(f"text is {list(self.text)}", expected="one text type or more, each once")
        for name in ("batch", "accumulation", "steps", "checkpoint_every", "keep", "log_every", "threads"):
            _at_least(name, getattr(self, name), 1)
        if self.threads > MOST_THREADS:
            raise UsageError(f"threads is {self.threads:,}", expected=f"1 to {MOST_THREADS:,}")
        for journal in self.journals:
            _one_of("journals", journal, JOURNALS)
        for name in ("warmup", "workers", "size", "cap", "replay_batch"):
            _at_least(name, getattr(self, name), 0)
        for name in ("rate", "epsilon", "scale_limit"):
            _number(name, getattr(self, name), above=True)
        for name in ("decay", "clip"):
            _number(name, getattr(self, name), above=False)
        for name in ("beta1", "beta2"):
            if not 0 <= getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}", expected="a number from 0, and below 1")
        if self.warmup >= self.steps:
            raise UsageError(
                f"the warm-up of {self.warmup} steps is as long as the run of {self.steps}",
                expected="a warm-up that is shorter than the run",
                remedy="lower warmup, or raise steps",
            )
        if self.template and self.template.count("{}") != 1:
            raise UsageError(
                f"the template is {self.template!r}", expected="a sentence with {} once, such as 'a drawing of {}.'"
            )
        if self.objective == "classify" and (self.shuffled or self.mix == "sample"):
            raise UsageError("a classifier reads no texts", expected="objective contrast with shuffled or mix = sample")
        if self.objective == "classify" and self.replays:
            raise UsageError("a classifier replays no texts", expected="objective contrast", remedy="leave replay out")
        if self.head != "linear" and self.objective != "classify":
            raise UsageError(f"head is {self.head!r}", expected="objective classify", remedy="set objective = classify")

    def facts(self) -> dict[str, Any]:
        """Return all settings, as JSON holds them."""
        return {**dataclasses.asdict(self), "text": list(self.text), "journals": list(self.journals)}

    def digest(self) -> str:
        """Return a digest of the settings that decide the weights.

        >>> Settings(workers=4).digest() == Settings().digest(), Settings(rate=0.1).digest() == Settings().digest()
        (True, False)
        """
        decisive = {name: value for name, value in self.facts().items() if name not in FREE}
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()

    def difference(self, other: Settings) -> list[str]:
        """Return, as `name: theirs, here mine`, what decides the weights and is not the same in both."""
        mine, theirs = self.facts(), other.facts()
        return [
            f"{name}: {theirs[name]!r}, here {mine[name]!r}"
            for name in sorted(mine)
            if name not in FREE and mine[name] != theirs[name]
        ]

    def toml(self) -> Iterator[str]:
        """Yield the lines of a recipe with every setting.

        >>> next(Settings().toml())
        'model = "tiny"'
        """
        for name, value in self.facts().items():
            yield f"{name} = {json.dumps(value)}"

    @property
    def replays(self) -> bool:
        """True where pairs of other data stand beside every batch."""
        return bool(self.replay and self.replay_batch)

    @property
    def architecture(self) -> str:
        """The model without the file of weights that it began with.

        >>> Settings(model="open_clip:ViT-B-16@weights.pt").architecture
        'open_clip:ViT-B-16'
        """
        return self.model.partition("@")[0]

    @classmethod
    def of(cls, values: Mapping[str, Any], where: str = "") -> Settings:
        """Return settings from names and values; raise UsageError for unknown names, and values of another type.

        >>> Settings.of({"steps": 20, "warmup": 2, "text": ["sci"]}).text
        ('sci',)
        """
        fields = {field.name: field for field in dataclasses.fields(cls)}
        for name, value in values.items():
            if name not in fields:
                near = closest(name, fields)
                raise UsageError(
                    f"there is no setting {name!r}",
                    where,
                    f"one of {', '.join(sorted(fields))}",
                    f"write {near!r}" if near else "",
                )
            default = fields[name].default
            kinds: tuple[type, ...] = (int, float) if isinstance(default, float) else (type(default),)
            if isinstance(default, tuple):
                kinds = (list, tuple)
            # A bool is an int to Python, and never to a person.
            if not isinstance(value, kinds) or isinstance(value, bool) != isinstance(default, bool):
                raise UsageError(f"{name} is {value!r}", where, _expected(default))
        given: dict[str, Any] = dict(values)
        for name, value in given.items():
            default = fields[name].default
            if isinstance(default, float | tuple):
                given[name] = type(default)(value)
        return cls(**given)


def _expected(default: object) -> str:
    """Return what a setting takes, by its default.

    >>> _expected(()), _expected(256), _expected("")
    ('a list such as ["tensorboard"]', 'a whole number', 'a text')
    """
    if isinstance(default, tuple):
        return f"a list such as {json.dumps([(*default, *JOURNALS)[0]])}"
    if isinstance(default, bool):
        return "true or false"
    if isinstance(default, int):
        return "a whole number"
    if isinstance(default, float):
        return "a number"
    return f"a text such as {json.dumps(default)}" if default else "a text"


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        near = closest(str(value), allowed)
        raise UsageError(
            f"{name} is {value!r}", expected=f"one of {', '.join(allowed)}", remedy=f"write {near!r}" if near else ""
        )


def _at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise UsageError(f"{name} is {value}", expected=f"{least} or more")


def _number(name: str, value: float, above: bool) -> None:
    if not math.isfinite(value) or value < 0 or (above and value == 0):
        raise UsageError(f"{name} is {value}", expected="a number above 0" if above else "a number from 0")
