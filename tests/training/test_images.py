"""Models with images: tuned on pixels that decide the answer, and asked about others."""

import json
from pathlib import Path

import pytest
import torch
from msgspec.structs import replace
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

from tests.lamps import lamp, run_config
from tests.tiny_models import IMAGE_TOKENS, save_llava
from tests.training.interrupted import interrupt
from tests.training.shades import COLORS, pictured, write_images
from tuneline.data.schema import (
    Example,
    File,
    Part,
    Turn,
    read_examples,
)
from tuneline.errors import ConfigurationError, DataError
from tuneline.models.images import Images
from tuneline.models.loading import load_model, load_processor
from tuneline.prediction.adapter_check import require_applied
from tuneline.prediction.predict import predict_baselines, predict_tuned
from tuneline.prediction.settings import PredictSettings
from tuneline.prediction.store import read_predictions
from tuneline.training.distributed.ranks import Ranks
from tuneline.training.loss import TokenLoss
from tuneline.training.result import read_result
from tuneline.training.sequences.encoding import encode_split
from tuneline.training.sequences.with_images import ImageRows
from tuneline.training.settings import TrainingSettings
from tuneline.training.train import train


@pytest.fixture(scope="module")
def llava(tmp_path_factory) -> Path:
    return save_llava(tmp_path_factory.mktemp("bases") / "llava")


@pytest.fixture(scope="module")
def splits(tmp_path_factory) -> Path:
    folder: Path = tmp_path_factory.mktemp("shades")
    names = [list(COLORS)[i % 3] for i in range(60)]
    rows = [pictured(folder, i + 1, name) for i, name in enumerate(names)]
    # Rows without an image stand among those with one.
    words = Example(
        (Turn("user", (Part(text="say red"),)), Turn("model", (Part(text="red"),))), label="red"
    )
    write_images(folder / "train.parquet", [*rows[:42], words])
    write_images(folder / "validation.parquet", rows[42:51])
    write_images(folder / "test.parquet", rows[51:])
    return folder


def config(splits: Path, output: Path, base: Path, **values):
    overrides = {
        "epochs": 12,
        "max_length": 200,
        "media_folder": str(splits),
        "early_stopping_patience": 0,
        **values.pop("overrides", {}),
    }
    return run_config(splits, output, base, overrides=overrides, **values)


@pytest.fixture(scope="module", params=["full", "pet"])
def run(request, splits, llava, tmp_path_factory):
    output = tmp_path_factory.mktemp("runs") / request.param
    rate = {"learning_rate": 0.01 if request.param == "full" else 0.03}
    train(config(splits, output, llava, method=request.param, overrides=rate))
    return output


def test_what_was_learned_is_in_the_pixels(run, splits, tmp_path):
    settings = PredictSettings(media_folder=splits, batch_size=4)
    found = predict_tuned(
        splits / "test.parquet", splits / "train.parquet", run, settings, tmp_path / "p.parquet"
    )
    answers = found.table(run.name)
    assert answers.num_rows == 9
    said, right = (answers[name].to_pylist() for name in ("prediction", "reference"))
    assert sum(a == b for a, b in zip(said, right, strict=True)) >= 8, (said, right)
    assert min(answers["prompt_tokens"].to_pylist()) > IMAGE_TOKENS


def test_the_result_loads_with_its_processor_in_plain_transformers(run, splits):
    result = json.loads((run / "result.json").read_text())
    folder = run / result["model_folder"]
    processor = AutoProcessor.from_pretrained(folder)
    model = AutoModelForImageTextToText.from_pretrained(folder)
    chat = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "color?"}]}]
    text = processor.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
    with Image.open(splits / "1.png") as image:
        made = processor(text=[text], images=[[image]], return_tensors="pt")
    assert model.generate(**made, max_new_tokens=3).shape[0] == 1
    assert result["work"]["packed"] is False
    assert result["work"]["largest_loss_difference"] < 1e-4


def test_an_adapter_lies_on_the_language_model_alone(run, llava):
    result = read_result(run)
    assert require_applied(run, result).path == llava
    if result.method == "pet":
        settings = json.loads((run / "adapter" / "adapter_config.json").read_text())
        assert settings["target_modules"].startswith(r"model\.language_model\.")


def test_the_page_shows_rows_with_their_images_places(run):
    page = (run / "curves.html").read_text()
    assert "&lt;image&gt;" * IMAGE_TOKENS in page
    assert "<mark>" in page


def test_an_interrupted_run_ends_in_the_same_weights(splits, llava, tmp_path):
    short = {"epochs": 2, "save_steps": 2}
    whole = train(config(splits, tmp_path / "whole", llava, overrides=short))
    interrupt(config(splits, tmp_path / "run", llava, overrides=short), 4)
    result = train(config(splits, tmp_path / "run", llava, overrides=short))
    assert result.model_digest == whole.model_digest


def test_a_baseline_is_asked_with_images_too(splits, llava, tmp_path):
    settings = PredictSettings(media_folder=splits, shots=(0, 1), max_new_tokens=3)
    predict_baselines(
        splits / "test.parquet",
        splits / "train.parquet",
        str(llava),
        settings,
        tmp_path / "p.parquet",
    )
    candidates = read_predictions(tmp_path / "p.parquet").info.candidates
    shown = {candidate.name: candidate.prompt_example.count("<image>") for candidate in candidates}
    assert shown == {"zero-shot": 1, "1-shot": 2}


def test_rows_without_images_are_asked_beside_those_with(splits, llava, tmp_path):
    rows = [lamp(1, "red"), *read_examples(splits / "test.parquet", rows=range(2))]
    path = write_images(tmp_path / "test.parquet", rows)
    settings = PredictSettings(media_folder=splits, shots=(0,), max_new_tokens=3, batch_size=1)
    predict_baselines(path, splits / "train.parquet", str(llava), settings, tmp_path / "p.parquet")
    assert read_predictions(tmp_path / "p.parquet").table("zero-shot").num_rows == 3


def test_images_on_this_machine_need_their_folder(splits, llava, tmp_path):
    given = config(splits, tmp_path, llava, overrides={"media_folder": None})
    with pytest.raises(DataError, match=r"shades.jsonl:1: 1.png: .* Set media_folder"):
        train(given)


def test_an_image_that_is_none_is_told_with_its_row(splits, llava, tmp_path):
    (tmp_path / "bad.png").write_text("no picture")
    row = pictured(tmp_path, 1, "red")
    bad = replace(
        row.turns[0], parts=(Part(file=File("bad.png", "image/png")), row.turns[0].parts[1])
    )
    for name in ("train", "validation"):
        write_images(
            tmp_path / f"{name}.parquet", [row, replace(row, turns=(bad, row.turns[1]), row=2)]
        )
    given = config(tmp_path, tmp_path / "run", llava, overrides={"media_folder": str(tmp_path)})
    with pytest.raises(DataError, match=r"shades.jsonl:2: bad.png: cannot be read as an image"):
        train(given)


def test_a_model_of_text_refuses_images(splits, qwen3, tmp_path):
    with pytest.raises(DataError, match="shades.jsonl:1: turns: holds a file part"):
        train(config(splits, tmp_path, qwen3))
    settings = PredictSettings(media_folder=splits)
    with pytest.raises(ConfigurationError, match="takes no images"):
        predict_baselines(
            splits / "test.parquet",
            splits / "train.parquet",
            str(qwen3),
            settings,
            tmp_path / "p.parquet",
        )


@pytest.mark.parametrize(
    ("role", "mime", "words"),
    [("user", "audio/wav", "audio/wav in a user"), ("model", "image/png", "image/png in a model")],
)
def test_what_is_no_image_of_the_user_is_refused(role, mime, words, splits, llava, tmp_path):
    part = Part(file=File("a", mime))
    turns: dict[str, tuple[Part, ...]] = {
        "user": (Part(text="?"),),
        "model": (Part(text="red"),),
    }
    turns[role] = (*turns[role], part)
    row = Example(
        (Turn("user", turns["user"]), Turn("model", turns["model"])), source="a.jsonl", row=7
    )
    for name in ("train", "validation"):
        write_images(tmp_path / f"{name}.parquet", [row])
    with pytest.raises(DataError, match=f"a.jsonl:7: turns: holds {words} turn"):
        train(config(tmp_path, tmp_path / "run", llava))


def test_packing_is_refused_with_images(splits, llava, tmp_path):
    with pytest.raises(ConfigurationError, match="packing: rows with images are padded"):
        train(config(splits, tmp_path, llava, overrides={"packing": True}))


def test_text_alone_is_tuned_on_by_a_model_with_images(lamp_splits, llava, tmp_path):
    result = train(run_config(lamp_splits, tmp_path, llava))
    assert result.validation_loss[-1].loss < result.validation_loss[0].loss


def test_images_are_turned_and_made_rgb(tmp_path):
    image = Image.new("L", (4, 2), 7)
    exif = image.getexif()
    exif[0x0112] = 6  # the camera was held on its side
    image.save(tmp_path / "turned.jpg", exif=exif)
    found = Images(tmp_path).open("turned.jpg")
    assert (found.mode, found.size) == ("RGB", (2, 4))


def test_images_outside_the_folder_are_refused(tmp_path):
    (tmp_path / "inside").mkdir()
    Image.new("RGB", (2, 2)).save(tmp_path / "outside.png")
    with pytest.raises(DataError, match="outside"):
        Images(tmp_path / "inside").open("../outside.png")


def test_the_loss_of_a_row_does_not_depend_on_its_batch(splits, llava, tmp_path):
    rows = ImageRows(load_processor(llava), Images(splits))
    split = encode_split(splits / "train.parquet", rows, TrainingSettings(), 200, tmp_path, Ranks())
    assert split.facts.images == 42
    model = load_model(llava, dtype="float32").eval()
    loss = TokenLoss(model, model)
    with torch.no_grad():
        together = loss(rows(split, [0, 42, 7]))
        alone = torch.cat([loss(rows(split, [i])) for i in (0, 42, 7)])
    assert torch.allclose(together, alone, atol=1e-5)
