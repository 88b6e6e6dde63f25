"""Vectors of `biomill embed` beside those of the libraries themselves: `library_vectors.py FOLDER`.

The other side decodes each stored picture with Pillow, and calls the library's own transform or processor and its model
as the library's pages do, one picture at a time.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pyarrow as pa
import pyarrow.parquet as pq
import timm
import torch
import transformers
from PIL import Image
from torch.nn.functional import normalize

from manifests import BiomillError
from pipeline.embed.compute import embed
from pipeline.embed.encoders import Source, open_source
from pipeline.evaluate.embeddings import read_vectors, write_embeddings
from pipeline.storage.files.atomic import read_json
from pipeline.storage.places import place
from pipeline.vectors import Asked, bring, neighbours_of_pictures, stored_vectors
from tests.oracles.open_clip_weights import NAME, config
from tests.train.drawn import write_dataset

SIZES = ((64, 56), (41, 97), (300, 180), (33, 33))
ROUNDING = 6e-4
"""Of float16, for numbers up to 1."""
Encode = Callable[[Image.Image], torch.Tensor]


def pictures(shards: Path) -> Mapping[str, Image.Image]:
    found = {}
    for row in pq.read_table(shards / "manifest.parquet").to_pylist():
        with (shards / row["shard"]).open("rb") as file:
            file.seek(row["jpg_offset"])
            data = file.read(row["jpg_length"])
        (shards.parent / "one.jpg").write_bytes(data)
        found[row["key"]] = Image.open(shards.parent / "one.jpg").convert("RGB")
    return found


def vectors(folder: Path) -> dict[str, np.ndarray]:
    return {
        key: vector
        for part in read_vectors(folder, ("key",))
        for key, vector in zip(part.keys.to_pylist(), part.vectors, strict=True)
    }


def farthest(shards: Path, out: Path, source: Source, encode: Encode) -> float:
    for _ in embed(str(shards), place(out), source, batch=16):
        pass
    ours = vectors(out)
    assert ours.keys() == pictures(shards).keys()
    with torch.inference_mode():
        return max(
            float(np.abs(normalize(encode(image)[0], dim=0).numpy() - ours[key]).max())
            for key, image in pictures(shards).items()
        )


def refused(name: str, *words: str) -> None:
    try:
        open_source(name)
    except BiomillError as error:
        assert all(word in str(error) for word in words), str(error)
        return
    raise AssertionError(name)


def tokeniser(folder: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = ["[PAD]", "[UNK]", "[EOS]", "a", "photo", "of", ".", "Genus0", "species1", "animalia", "beast"]
    made = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]", eos_token="[EOS]"
    )
    fast.save_pretrained(folder)


def clip(folder: Path) -> Any:
    tower = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    text = {**tower, "vocab_size": 16, "max_position_embeddings": 24, "eos_token_id": 2, "pad_token_id": 0}
    towers = transformers.CLIPConfig(
        text_config=text, vision_config={**tower, "image_size": 32, "patch_size": 16}, projection_dim=16
    )
    torch.manual_seed(3)
    transformers.CLIPModel(towers).save_pretrained(folder)
    transformers.CLIPImageProcessor(
        size={"shortest_edge": 36}, crop_size={"height": 32, "width": 32}, image_mean=(0.3, 0.4, 0.5)
    ).save_pretrained(folder)
    tokeniser(folder)


def by_timm(shards: Path, folder: Path) -> None:
    torch.manual_seed(1)
    model = timm.create_model("resnet10t", pretrained=False)
    torch.save(model.state_dict(), folder / "resnet.pth")
    without = timm.create_model("resnet10t", pretrained=False, num_classes=0)
    without.load_state_dict(model.state_dict(), strict=False)
    without.eval()
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(without), is_training=False)
    source = open_source(f"timm:resnet10t@{folder / 'resnet.pth'}")
    off = farthest(shards, folder / "timm", source, lambda image: without(transform(image)[None]))
    assert off < ROUNDING, off
    assert not list((folder / "timm").glob("names-*"))
    print(f"timm: {off:.1e}", file=sys.stderr)
    print("timm: its own vectors")
    torch.save(timm.create_model("resnet14t", pretrained=False).state_dict(), folder / "other.pth")
    refused(f"timm:resnet10t@{folder / 'other.pth'}", "do not fit timm's resnet10t")
    refused("timm:resnet10tt", "timm has no model 'resnet10tt'")
    refused("timm:resnet10t", "cannot get the weights", "@FILE")
    refused(f"timm:resnet10t@{folder / 'none.pth'}", "no such file")
    (folder / "text.pth").write_text("no weights")
    refused(f"timm:resnet10t@{folder / 'text.pth'}", "do not fit")
    torch.save({"state_dict": [1, 2]}, folder / "list.pth")
    refused(f"timm:resnet10t@{folder / 'list.pth'}", "do not fit")
    print("timm: what cannot be is refused")


def by_transformers(shards: Path, folder: Path) -> None:
    home = folder / "clip"
    clip(home)
    model = transformers.CLIPModel.from_pretrained(home, dtype=torch.float32).eval()
    processor = transformers.AutoImageProcessor.from_pretrained(home)
    source = open_source(f"hf:{home}")

    def encode(image: Image.Image) -> torch.Tensor:
        return model.get_image_features(**processor(images=image, return_tensors="pt")).pooler_output

    off = farthest(shards, folder / "hf", source, encode)
    assert off < ROUNDING, off
    print(f"transformers: {off:.1e}", file=sys.stderr)
    words = transformers.AutoTokenizer.from_pretrained(home)
    names = pq.read_table(folder / "hf" / "names-taxon_com.parquet").to_pylist()
    assert len(names) == len(set(pq.read_table(shards / "manifest.parquet")["accepted_id"].to_pylist()))
    with torch.inference_mode():
        for row in names:
            tokens = words([row["caption"]], truncation=True, max_length=24, padding="max_length", return_tensors="pt")
            theirs = normalize(model.get_text_features(**tokens).pooler_output[0], dim=0).numpy()
            assert np.abs(theirs - np.array(row["vector"], np.float32)).max() < ROUNDING
    print("transformers: its own vectors, of texts too")

    bare = folder / "vit"
    small = transformers.ViTConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, image_size=32, patch_size=16
    )
    torch.manual_seed(4)
    transformers.ViTForImageClassification(small).save_pretrained(bare)
    refused(f"hf:{bare}", "image processor")
    transformers.ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(bare)
    one, again = open_source(f"hf:{bare}"), open_source(f"hf:{bare}")
    assert one.facts() == again.facts() and "first token" in one.encoder.preprocessing
    vit = transformers.ViTModel.from_pretrained(bare, add_pooling_layer=False, dtype=torch.float32).eval()
    shown = transformers.AutoImageProcessor.from_pretrained(bare)

    def first(image: Image.Image) -> torch.Tensor:
        return vit(**shown(images=image, return_tensors="pt")).last_hidden_state[:, 0]

    off = farthest(shards, folder / "hf-vit", one, first)
    assert off < ROUNDING, off
    print("transformers: no vector through weights that the checkpoint lacks")

    refused("hf:nobody/nothing", "cannot load the model", "hf:FOLDER")
    refused(f"hf:{folder}", "cannot load the model")
    cut = folder / "cut"
    shutil.copytree(home, cut)
    from safetensors.torch import load_file, save_file

    state = load_file(cut / "model.safetensors")
    del state["visual_projection.weight"]
    save_file(state, cut / "model.safetensors", metadata={"format": "pt"})
    refused(f"hf:{cut}", "has not all weights", "visual_projection")
    bert = folder / "bert"
    texts = transformers.BertConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, vocab_size=16
    )
    transformers.BertModel(texts).save_pretrained(bert)
    refused(f"hf:{bert}", "reads no pictures")
    print("transformers: what cannot be is refused")

    changed = folder / "changed"
    shutil.copytree(home, changed)
    transformers.CLIPImageProcessor(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}, image_mean=(0.3, 0.4, 0.5)
    ).save_pretrained(changed)
    shutil.rmtree(home)
    shutil.copytree(changed, home)
    try:
        list(embed(str(shards), place(folder / "hf"), open_source(f"hf:{home}"), batch=16))
        raise AssertionError
    except BiomillError as error:
        assert "with other preprocessing" in str(error) and "shortest_edge" in str(error), error
    facts = read_json(folder / "hf" / "_done.json")
    assert facts["model"] == "hf:clip" and len(facts["weights"]) == 64 and "36" in facts["preprocessing"]
    print("a changed preprocessing is not mixed in")


def by_open_clip(shards: Path, folder: Path) -> None:
    (folder / f"{NAME}.json").write_text(json.dumps(config(32)))
    open_clip.add_model_config(folder)
    theirs, _, transform = open_clip.create_model_and_transforms(NAME)
    torch.save({"state_dict": theirs.state_dict()}, folder / "theirs.pt")
    theirs.eval()
    source = open_source(f"open_clip:{NAME}@{folder / 'theirs.pt'}")
    off = farthest(shards, folder / "open-clip", source, lambda image: theirs.encode_image(transform(image)[None]))
    assert off < ROUNDING, off
    print(f"open_clip: {off:.1e}", file=sys.stderr)
    names = pq.read_table(folder / "open-clip" / "names-sci.parquet").to_pylist()
    words = open_clip.get_tokenizer(NAME)
    with torch.inference_mode():
        features = normalize(theirs.encode_text(words([row["caption"] for row in names])), dim=1).numpy()
    assert np.abs(features - np.array([row["vector"] for row in names], np.float32)).max() < ROUNDING
    print("open_clip: its own vectors, of texts too")


def by_faiss(shards: Path) -> None:
    keys = sorted(pictures(shards))
    made = np.random.default_rng(0).normal(size=(len(keys), 48)).astype(np.float32)
    made[::3] = made[0]  # equal ones, fewer than are asked for
    write_embeddings(shards.parent / "v.parquet", keys, made)
    list(bring(shards.parent, shards.parent / "v.parquet", "drawn"))
    setattr(stored_vectors, "BASE", 6)  # noqa: B010  # many blocks
    ours, theirs = (
        pa.concat_tables(neighbours_of_pictures(shards.parent, "drawn", Asked(9, library=name)))
        for name in ("numpy", "faiss")
    )
    assert ours.num_rows == 9 * len(keys) and ours.equals(theirs)
    print("faiss: the same neighbours")


def main() -> None:
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    shards = write_dataset(folder / "shards", each=5, sizes=SIZES)
    by_timm(shards, folder)
    by_transformers(shards, folder)
    by_open_clip(shards, folder)
    by_faiss(shards)


if __name__ == "__main__":
    main()
