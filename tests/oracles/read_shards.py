"""Read a folder of shards with a published loader, in whichever environment has it, and print what came, as JSON.

    python tests/oracles/read_shards.py webdataset|datasets|datasets-streaming|open_clip|bioclip2 FOLDER [SPLIT]

open_clip reads through the data path of its own trainer (`open_clip_train.data.get_wds_dataset`), unchanged; bioclip2
through the steps that BioCLIP 2's trainer chains for its random text types.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

BIOCLIP2 = ("sci", "com", "taxon", "sci_com", "taxon_com")


def shards(folder: Path, split: str) -> list[str]:
    return [str(path) for path in sorted(folder.glob(f"*-{split}-*.tar"))]


def by_webdataset(folder: Path, split: str) -> dict[str, Any]:
    import webdataset

    found = {}
    for sample in webdataset.WebDataset(shards(folder, split), shardshuffle=False).decode("pil"):
        found[sample["__key__"]] = {"size": sample["jpg"].size, "txt": sample["txt"], "taxon": sample["json"]["taxon"]}
    return found


def by_datasets(folder: Path, split: str, streaming: bool) -> dict[str, Any]:
    import datasets

    files = {"train": shards(folder, split)}
    cache = str(folder.parent / "cache")
    table = datasets.load_dataset("webdataset", data_files=files, split="train", streaming=streaming, cache_dir=cache)
    found = {}
    for sample in table:
        found[sample["__key__"]] = {"size": sample["jpg"].size, "txt": sample["txt"], "taxon": sample["json"]["taxon"]}
    return found


def by_open_clip(folder: Path, split: str) -> dict[str, Any]:
    import open_clip
    from open_clip.transform import image_transform
    from open_clip_train.data import get_wds_dataset

    args = SimpleNamespace(
        train_data="::".join(shards(folder, split)), val_data="", train_num_samples=None, val_num_samples=None,
        dataset_resampled=False, seed=0, workers=1, batch_size=8, world_size=1, distributed=False,
        train_data_upsampling_factors=None, use_tsv=False,
    )  # fmt: skip
    tokenizer = open_clip.SimpleTokenizer()
    info = get_wds_dataset(args, image_transform(224, is_train=True), is_train=True, tokenizer=tokenizer)
    images, texts = 0, 0
    for image, text in info.dataloader:
        assert tuple(image.shape[1:]) == (3, 224, 224) and tuple(text.shape[1:]) == (77,)
        images, texts = images + len(image), texts + len(text)
    return {"stated": info.dataloader.num_samples, "images": images, "texts": texts}


def by_bioclip2(folder: Path, split: str) -> dict[str, Any]:
    import webdataset

    wanted = {"image": "jpg;png;jpeg;webp", **{name: f"{name}.txt" for name in BIOCLIP2}}
    loader = webdataset.WebDataset(shards(folder, split), shardshuffle=False).decode("pilrgb").rename(**wanted)
    found = {}
    for image, *texts in loader.to_tuple(*wanted):
        assert image.mode == "RGB"
        found[texts[-1]] = dict(zip(BIOCLIP2, texts, strict=True))
    return found


def main() -> None:
    oracle, folder, split = sys.argv[1], Path(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "train"
    readers = {
        "webdataset": lambda: by_webdataset(folder, split),
        "datasets": lambda: by_datasets(folder, split, streaming=False),
        "datasets-streaming": lambda: by_datasets(folder, split, streaming=True),
        "open_clip": lambda: by_open_clip(folder, split),
        "bioclip2": lambda: by_bioclip2(folder, split),
    }
    print(json.dumps(readers[oracle](), sort_keys=True))


if __name__ == "__main__":
    main()
