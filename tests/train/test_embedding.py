"""Vectors by a model: as its forward pass gives them, part by part, never of two models, and found again by a file."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from torch.nn.functional import normalize

from pipeline.commands.cli import main
from pipeline.embed import compute, embedded
from pipeline.embed.compute import embed, picture_vector
from pipeline.embed.encoders import open_source
from pipeline.evaluate.embeddings import read_vectors, write_embeddings
from pipeline.feed import Feed, Rules, View
from pipeline.model.errors import MissingExtraError, UsageError
from pipeline.storage.files.atomic import read_json
from pipeline.storage.places import place
from pipeline.train.fitting.batches import normalised
from pipeline.train.fitting.devices import checked_device
from pipeline.train.fitting.process_group import process_group
from pipeline.vectors import bring
from tests.train.drawn import write_dataset
from tests.train.running import trained


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with shards of 60 pictures."""
    folder = tmp_path_factory.mktemp("embedded")
    write_dataset(folder / "shards", each=15)
    return folder


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compute, "_STEPS", 2)


def made(run: Path, out: Path, model: str = "tiny", seed: int = 0, **more: object) -> Path:
    options: dict[str, object] = {"batch": 8, **more}
    for _ in embed(str(run), place(out), open_source(model, seed=seed), **options):  # type: ignore[arg-type]
        pass
    return out


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("workers", [0, 2])
def test_vectors_are_those_of_the_forward_pass(run: Path, tmp_path: Path, workers: int) -> None:
    out = made(run, tmp_path / "set", workers=workers)
    model = open_source("tiny").encoder.module
    feed = Feed(run, Rules(60, split="", once=True), View(48, "center"))
    batch = feed.batch(0)
    with torch.no_grad():
        pixels = torch.from_numpy(batch.images).permute(0, 3, 1, 2)
        expected = normalize(model.encode_image(normalised(pixels, model)), dim=1).numpy()
    found = {
        key: vector
        for part in read_vectors(out, ("key",))
        for key, vector in zip(part.keys.to_pylist(), part.vectors, strict=True)
    }
    assert len(list(out.glob("pictures-*"))) == 4
    assert np.abs(np.array([found[key] for key in batch.keys]) - expected).max() < 6e-4
    for text in ("sci", "taxon_com"):
        rows = pq.read_table(out / f"names-{text}.parquet").to_pylist()
        with torch.no_grad():
            texts = normalize(model.encode_text(model.tokens([row["caption"] for row in rows])), dim=1).numpy()
        assert np.abs(np.array([row["vector"] for row in rows]) - texts).max() < 6e-4


def test_what_was_killed_goes_on_to_the_same_bytes(run: Path, tmp_path: Path) -> None:
    whole = contents(made(run, tmp_path / "whole"))
    begun = embed(str(run), place(tmp_path / "killed"), open_source("tiny"), batch=8)
    next(begun)
    del begun
    assert (tmp_path / "killed" / "pictures-00000.parquet").exists()
    assert not (tmp_path / "killed" / "_done.json").exists()
    there = (tmp_path / "killed" / "pictures-00000.parquet").stat().st_mtime_ns
    assert contents(made(run, tmp_path / "killed")) == whole
    assert (tmp_path / "killed" / "pictures-00000.parquet").stat().st_mtime_ns == there


def test_another_model_or_data_is_refused_by_name(run: Path, tmp_path: Path) -> None:
    out = made(run, tmp_path / "set")
    before = contents(out)
    facts = read_json(out / "_done.json")
    assert facts["model"] == "tiny" and len(facts["weights"]) == 64 and facts["pictures"] == 60
    assert '"size": 48' in facts["preprocessing"]
    other = write_dataset(tmp_path / "other" / "shards", seed=1, each=15)
    weights = trained(run, tmp_path / "model", steps=4, warmup=1)
    assert weights.step == 4
    for said, folder, options in (
        ("by other weights of the model", run, {"seed": 1}),
        ("in batches of another size", run, {"batch": 16}),
        ("of other pictures", run, {"split": "val"}),
        ("of other pictures", other, {}),
        ("by another model", run, {"model": str(tmp_path / "model")}),
    ):
        with pytest.raises(UsageError, match=said):
            made(folder, out, **options)
        assert contents(out) == before
    (out / "_begun.json").unlink()
    with pytest.raises(UsageError, match="does not say of what"):
        made(run, out)


@pytest.mark.parametrize("name", ["timm:", "hf:", "open_clip:", "open_clip", "tinny", "timm", "nowhere/model"])
def test_a_model_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        open_source(name)


@pytest.mark.parametrize(
    ("name", "module", "package"),
    [
        ("timm:resnet10t", "timm", "biomill[timm]"),
        ("hf:nobody/nothing", "transformers", "biomill[hugging-face]"),
        ("open_clip:ViT-B-32", "open_clip", "biomill[open-clip]"),
    ],
)
def test_a_library_that_is_not_there_is_named(name: str, module: str, package: str) -> None:
    if importlib.util.find_spec(module):
        pytest.skip(f"{module} is installed here")
    with pytest.raises(MissingExtraError) as error:
        open_source(name)
    assert package in str(error.value)


def test_a_file_finds_its_own_picture_and_other_models_are_refused(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(run, run / "embeddings" / "image")
    assert [each.model for each in embedded(run)] == ["tiny"]
    row = pq.read_table(run / "shards" / "manifest.parquet").to_pylist()[17]
    with (run / "shards" / row["shard"]).open("rb") as file:
        file.seek(row["jpg_offset"])
        (tmp_path / "one.jpg").write_bytes(file.read(row["jpg_length"]))
    asked = ["neighbours", str(run), "--name", "image", "--k", "2", "--image"]
    assert main([*asked, str(tmp_path / "one.jpg"), "--model", "tiny"]) == 0
    first = capsys.readouterr().out.splitlines()[1].split()
    assert first[2] == row["key"]
    assert float(first[1]) < 1e-5
    trained(run, tmp_path / "model", steps=4, warmup=1)
    for path, model, said in (
        ("one.jpg", str(tmp_path / "model"), "was made by another model"),
        ("none.jpg", "tiny", "cannot be read"),
        ("text.jpg", "tiny", "cannot be decoded"),
    ):
        (tmp_path / "text.jpg").write_text("no picture")
        assert main([*asked, str(tmp_path / path), "--model", model]) != 0
        assert said in (told := capsys.readouterr().err)
        assert str(tmp_path / path) in told or model != "tiny"
        assert "BytesIO" not in told
        # What was given is where the error is; what the set is by is expected.
        assert model == "tiny" or ("where:  --model, model" in told and "expect: model: tiny, as" in told)
    keys = pq.read_table(run / "shards" / "manifest.parquet")["key"].to_pylist()
    write_embeddings(tmp_path / "v.parquet", keys, np.eye(60, 128, dtype=np.float32))
    list(bring(run, tmp_path / "v.parquet", "brought"))
    assert (
        main(["neighbours", str(run), "--name", "brought", "--image", str(tmp_path / "one.jpg"), "--model", "x"]) != 0
    )
    assert "was brought from a file: --image cannot be asked of it" in capsys.readouterr().err
    shutil.rmtree(run / "embeddings" / "brought")
    assert picture_vector(open_source("tiny"), tmp_path / "one.jpg").shape == (1, 128)


@pytest.mark.parametrize("device", ["foo", "meta", "cuda:99", "cuda"])
@pytest.mark.parametrize("words", [["embed"], ["evaluate"]])
def test_a_device_that_is_not_there_is_refused(
    run: Path, tmp_path: Path, words: list[str], device: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if device == "cuda" and torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    more = ["-o", str(tmp_path / "out")] if words == ["evaluate"] else ["--name", "never"]
    assert main([*words, str(run), "--model", "tiny", "--device", device, *more]) == 2
    told = capsys.readouterr().err
    assert f"there is no device {device!r} here" in told and "remedy: cpu" in told
    assert not (run / "embeddings" / "never").exists()
    with pytest.raises(UsageError, match=f"no device '{device}'"), process_group(device):
        pass
    assert checked_device("cpu") == torch.device("cpu")


def test_a_model_that_gives_no_numbers_is_refused(run: Path, tmp_path: Path) -> None:
    source = open_source("tiny")
    with torch.no_grad():
        source.encoder.module.image_out[1].weight.fill_(float("nan"))
    with pytest.raises(UsageError, match="no number"):
        list(embed(str(run), place(tmp_path / "set"), source, batch=8))
    assert not list((tmp_path / "set").glob("pictures-*"))
