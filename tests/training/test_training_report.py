"""What people read of a run: the page with the marked sample, the card with the licence."""

import re
import shutil
from pathlib import Path

import pytest
import yaml
from msgspec.structs import replace
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.lamps import lamp, lamps, run_config, write_split
from tests.training.interrupted import interrupt
from tuneline.data.schema import Part, Turn
from tuneline.training.report.card import licence_of
from tuneline.training.result import read_result
from tuneline.training.train import train

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)></mark></pre>"


def test_the_page_marks_what_the_loss_falls_on(pet_run):
    page = (pet_run / "curves.html").read_text()
    marked = re.findall(r"<pre class=\"sample\">(.*?)</pre>", page, re.DOTALL)
    assert marked
    for sample in marked:
        assert re.search(r"<mark>(red|green|blue)&lt;\|im_end\|&gt;</mark>\n$", sample)
        assert sample.startswith("&lt;|im_start|&gt;user\nthe lamp")
    result = read_result(pet_run)
    assert f"{result.data['train'].trained_tokens:,} of {result.data['train'].tokens:,}" in page


def test_what_rows_say_is_escaped_and_long_rows_are_cut(qwen3, tmp_path):
    rows = []
    for row in lamps(1, 8):
        prompt = Turn("user", (Part(text=HOSTILE + "x" * 100),))
        rows.append(replace(row, turns=(prompt, row.turns[1])))
    write_split(tmp_path / "train.parquet", rows)
    write_split(tmp_path / "validation.parquet", rows[:3])
    train(run_config(tmp_path, tmp_path / "run", qwen3, overrides={"max_length": 256, "epochs": 1}))
    page = (tmp_path / "run" / "curves.html").read_text()
    assert "&lt;script&gt;alert(1)" in page
    assert "<script" not in page
    assert "<img" not in page


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        (None, {}),
        ("no front matter", {}),
        ("---\nlicense: [a, b]\n---\n", {}),
        ("---\n: broken: yaml: [\n---\n", {}),
        ("---\njust text\n---\n", {}),
        ("---\nlicense: apache-2.0\ntags: [a]\n---\n# Card", {"license": "apache-2.0"}),
        (
            "---\nlicense: other\nlicense_name: own\nlicense_link: LICENSE\n---\n",
            {"license": "other", "license_name": "own", "license_link": "LICENSE"},
        ),
    ],
)
def test_the_licence_is_read_from_the_bases_card(card, licence, tmp_path):
    if card is not None:
        (tmp_path / "README.md").write_text(card)
    assert licence_of(tmp_path) == licence


def test_the_model_card_passes_the_licence_on(qwen3, lamp_splits, tmp_path):
    base = Path(shutil.copytree(qwen3, tmp_path / "base"))
    (base / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    train(run_config(lamp_splits, tmp_path / "run", base, overrides={"epochs": 1}))
    _, head, body = (tmp_path / "run" / "README.md").read_text().split("---\n", 2)
    assert yaml.safe_load(head)["license"] == "apache-2.0"
    assert "That of the base model: apache-2.0." in body
    assert "## Intended use" in body


def test_a_card_without_a_licence_says_so(pet_run):
    text = (pet_run / "README.md").read_text()
    assert "license" not in yaml.safe_load(text.split("---\n", 2)[1])
    assert "The base model's card names no licence" in text


def scalars(output: Path, name: str) -> list[tuple[int, float]]:
    events = EventAccumulator(str(output / "tensorboard"))
    events.Reload()
    return [(event.step, event.value) for event in events.Scalars(name)]


def test_tensorboard_reads_the_losses_of_the_result(pet_run):
    result = read_result(pet_run)
    for name, losses in (
        ("loss/training", result.train_loss),
        ("loss/validation", result.validation_loss),
    ):
        read = scalars(pet_run, name)
        assert [step for step, _ in read] == [point.step for point in losses]
        assert [value for _, value in read] == pytest.approx([point.loss for point in losses])


def test_tensorboard_has_each_step_of_a_resumed_run_once(lamp_splits, qwen3, tmp_path):
    config = run_config(lamp_splits, tmp_path, qwen3)
    interrupt(config, 6)
    result = train(config)
    assert [step for step, _ in scalars(tmp_path, "loss/validation")] == [
        point.step for point in result.validation_loss
    ]


def test_a_run_of_one_example_has_a_page(qwen3, tmp_path):
    write_split(tmp_path / "train.parquet", [lamp(1, "red")])
    write_split(tmp_path / "validation.parquet", [lamp(1, "red")])
    train(run_config(tmp_path, tmp_path / "run", qwen3, overrides={"epochs": 1}))
    assert "<mark>red" in (tmp_path / "run" / "curves.html").read_text()
