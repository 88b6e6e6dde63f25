"""Settings of a training run as the options of a published trainer, and in words what it cannot be told.

open_clip and BioCLIP 2, a fork of it, share their options; the second reads five captions and a replay beside. What is
neither an option nor of Biomill's own reading is a remark, so that nothing is left out in silence.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.feed.choices import TEXT_TYPES
from pipeline.feed.feed import located
from pipeline.feed.manifest_cache import MANIFEST
from pipeline.feed.trainers import MODEL, Asked, Shards, local_path, local_shards
from pipeline.model.errors import FeedError, UsageError
from pipeline.train.settings import Settings

_PRECISIONS = {"fp32": "fp32", "bf16": "amp_bf16"}
_DEFAULTS = Settings()
_OPTIONS = {
    "rate": "--lr",
    "warmup": "--warmup",
    "decay": "--wd",
    "beta1": "--beta1",
    "beta2": "--beta2",
    "epsilon": "--eps",
    "seed": "--seed",
    "log_every": "--log-every-n-steps",
}
_SWITCHES = {"checkpointing": "--grad-checkpointing", "compile": "--torchcompile"}
_OWN = frozenset(("mode", "decoder", "workers", "threads", "checkpoint_every", "keep"))
"""How Biomill reads and keeps; a trainer has its own ways, of which none changes what is trained."""
_REMARKS = {
    "mix": "mix = sample: one text type is drawn for a whole batch",
    "template": "template: the captions are read as the shards hold them",
    "scale_limit": "scale_limit: the factor of similarities is at most 100",
    "sampler": "sampler and cap: every sample alike",
    "where": "where: all samples of the split train; `biomill export --format shards --where …` writes those you want",
    "split": "split: the split train is read, and val evaluated",
    "crop": "crop: a random crop, as crop = random",
    "shuffled": "shuffled: every taxon has its own caption, so that this is no control",
}


def model_and_precision(settings: Settings, model: str = "", precision: str = "") -> tuple[str, str]:
    """Return the trainer's names of model and precision; those that are given go before the settings'.

    >>> model_and_precision(Settings(model="open_clip:ViT-L-14@weights.pt", precision="bf16"))
    ('ViT-L-14', 'amp_bf16')
    """
    own = settings.architecture.partition(":")[2]
    return model or own or MODEL, precision or _PRECISIONS[settings.precision]


def asked_by(settings: Settings, trainer: str, named: bool = False) -> Asked:
    """Return what settings ask of a trainer; `named`: its model was named beside them.

    Raises UsageError for a classifier, which no trainer of images and texts can train, and FeedError for a replay that
    BioCLIP 2 could not read.
    """
    if settings.objective != "contrast":
        raise UsageError(
            f"the recipe's objective is {settings.objective}, and {trainer} trains images against texts",
            expected="objective contrast",
            remedy="train a classifier with `biomill train`",
        )
    replay = _replay(settings) if trainer == "bioclip2" and settings.replays else ""
    parts = 1 if replay else settings.accumulation
    return Asked(
        options=tuple(_options(settings, named)),
        remarks=tuple(_remarks(settings, trainer, named)),
        text=_text(settings),
        steps=settings.steps,
        accumulation=parts,
        replay=replay,
        replay_batch=settings.replay_batch if replay else 0,
    )


def _options(settings: Settings, named: bool) -> Iterator[str]:
    for name, option in _OPTIONS.items():
        yield from (option, str(getattr(settings, name)))
    for name, option in _SWITCHES.items():
        if getattr(settings, name):
            yield option
    if settings.clip:
        yield from ("--grad-clip-norm", str(settings.clip))
    if settings.size:
        yield from ("--force-image-size", str(settings.size))
    if settings.device:
        yield from ("--device", settings.device)
    if settings.journals:
        yield from ("--report-to", ",".join(settings.journals))
    weights = settings.model.partition("@")[2]
    if weights and not named:
        yield from ("--pretrained", weights)


def _remarks(settings: Settings, trainer: str, named: bool) -> Iterator[str]:
    for name, remark in _REMARKS.items():
        if getattr(settings, name) != getattr(_DEFAULTS, name):
            yield remark
    if settings.model == "tiny" and not named:
        yield f"model tiny, which is Biomill's own: {MODEL}; name another with --model"
    if trainer == "open_clip":
        if settings.text != ("taxon_com",):
            yield f"text {', '.join(settings.text)}: KEY.txt is read, the caption taxon_com"
        if settings.replay_batch:
            yield f"replay of {settings.replay_batch:,} pairs a step: open_clip has none; --print-command bioclip2 does"
        return
    if len(settings.text) > 1 and set(settings.text) != set(TEXT_TYPES):
        yield f"text {', '.join(settings.text)}: --text_type random draws from all five"
    if settings.replays and settings.accumulation > 1:
        yield f"accumulation {settings.accumulation}: with replay the batch is computed in one part"
    elif settings.replay_batch and not settings.replay:
        yield f"replay of {settings.replay_batch:,} pairs a step: the recipe's replay names no data"
    if settings.replays:
        yield "every sample once an epoch: shards are drawn with replacement, as BioCLIP 2 was trained"


def _text(settings: Settings) -> str:
    return settings.text[0] if len(settings.text) == 1 else "random"


def _replay(settings: Settings) -> str:
    """Return the replay's tars as webdataset expands them; of a run, those of its split train."""
    path = local_path(settings.replay)
    if path.suffix == ".tar":
        return str(path)
    folder = local_path(located(settings.replay)[0])
    if (folder / MANIFEST).exists():
        shards = local_shards(str(folder))
    else:
        tars = (tar.relative_to(folder).as_posix() for tar in folder.rglob("*.tar"))
        shards = Shards(folder, {"train": dict.fromkeys(tars, 0)})
    if not shards.splits.get("train"):
        raise FeedError(
            "the replay holds no tar for training",
            str(folder),
            "a folder of WebDataset tars, or a run with a split train",
        )
    return shards.pattern("train")
