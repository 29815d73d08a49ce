"""Runs that cannot be: each ends in one clear message, with nothing half-written."""

import json
import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from tests.lamps import lamp, lamps, run_config, write_split
from tuneline.data.schema import Example, ExamplesInfo, Part, Turn, write_examples
from tuneline.errors import ConfigurationError, DataError, MachineError
from tuneline.models.loading import load_tokenizer
from tuneline.training.distributed.ranks import Ranks
from tuneline.training.result import read_result
from tuneline.training.sequences.encoding import encode_split
from tuneline.training.sequences.text_rows import TextRows
from tuneline.training.settings import TrainingSettings
from tuneline.training.train import train

LONG = " behind the door" * 20


@pytest.fixture
def base(qwen3: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(qwen3, tmp_path / "base"))


def test_an_output_that_cannot_be_written_stops_before_any_work(lamp_splits, tmp_path):
    (tmp_path / "file").write_text("in the way")
    config = run_config(lamp_splits, tmp_path / "file" / "run", Path("/no/such/model"))
    with pytest.raises(MachineError, match="file/run: cannot be written"):
        train(config)


def test_a_base_model_whose_loss_is_no_number_is_refused_before_a_step(lamp_splits, base, tmp_path):
    path = base / "model.safetensors"
    weights = load_file(path)
    weights["model.norm.weight"][0] = float("inf")
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(ConfigurationError, match="base_model: its own loss .* is no number"):
        train(run_config(lamp_splits, tmp_path / "run", base))
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"checkpoints"}


def test_a_loss_that_becomes_no_number_stops_the_run(lamp_splits, qwen3, tmp_path):
    # Such steps send every weight to a size whose products are no numbers.
    overrides = {"learning_rate": 1, "weight_decay": 1e30, "warmup_ratio": 0, "epochs": 10}
    config = run_config(lamp_splits, tmp_path, qwen3, method="full", overrides=overrides)
    words = r"is no number at step 2, whose batch held examples \d+, .*learning_rate \(it was 1\)"
    with pytest.raises(MachineError, match=words):
        train(config)
    assert not list((tmp_path / "checkpoints").glob("checkpoint-*"))


@pytest.mark.parametrize("split", ["train", "validation"])
def test_a_split_that_is_missing_or_of_the_wrong_kind_is_named(split, lamp_splits, tmp_path):
    # The base model is not looked for: it may be large.
    wrong = tmp_path / f"{split}.parquet"
    config = run_config(lamp_splits, tmp_path / "run", Path("/no/such/model"), **{split: wrong})
    with pytest.raises(DataError, match=f"{split}.parquet: not a Parquet file"):
        train(config)
    wrong.write_text("text,label\n")
    with pytest.raises(DataError, match=f"{split}.parquet: not a Parquet file"):
        train(config)


@pytest.mark.parametrize("split", ["train", "validation"])
def test_an_empty_split_is_refused(split, lamp_splits, qwen3, tmp_path):
    empty = write_split(tmp_path / f"{split}.parquet", [])
    config = run_config(lamp_splits, tmp_path / "run", qwen3, **{split: empty})
    with pytest.raises(DataError, match=f"{split}.parquet: this split holds no examples"):
        train(config)


def test_a_length_over_the_models_own_is_refused(lamp_splits, qwen3, tmp_path):
    config = run_config(lamp_splits, tmp_path, qwen3, overrides={"max_length": 257})
    with pytest.raises(ConfigurationError, match=r"max_length: 257 tokens, but .* made for 256"):
        train(config)


def encode(path: Path, base: Path, longest: int, **settings):
    folder = path.with_name(f"{path.stem}-{longest}")
    given = TrainingSettings(**settings)
    encoder = TextRows(load_tokenizer(base))
    return encode_split(path, encoder, given, longest, folder, Ranks())


def test_rows_that_are_too_long_are_named(qwen3, tmp_path):
    rows = [*lamps(1, 3), *(lamp(number, "red", LONG) for number in range(4, 12))]
    path = write_split(tmp_path / "train.parquet", rows)
    with pytest.raises(DataError) as raised:
        encode(path, qwen3, 100)
    lines = str(raised.value).splitlines()
    assert lines[0] == "8 of 11 examples are longer than 100 tokens:"
    assert [line.split(":")[:2] for line in lines[1:-1]] == [
        ["  lamps.jsonl", str(number)] for number in range(4, 9)
    ]
    assert "on_too_long: drop" in lines[-1]


def test_rows_that_are_too_long_are_dropped_and_counted(qwen3, tmp_path):
    path = write_split(tmp_path / "train.parquet", [*lamps(1, 3), lamp(4, "red", LONG)])
    split = encode(path, qwen3, 100, on_too_long="drop")
    assert (split.facts.examples, split.facts.too_long.count, len(split)) == (4, 1, 3)
    sequences = [split[i] for i in range(3)]
    assert split.tokens == sum(len(sequence.ids) for sequence in sequences)
    assert split.trained_tokens == sum(int(sequence.trained.sum()) for sequence in sequences)


def test_a_row_of_exactly_the_limit_is_kept(qwen3, tmp_path):
    path = write_split(tmp_path / "train.parquet", lamps(1, 1))
    length = len(encode(path, qwen3, 100)[0].ids)
    assert encode(path, qwen3, length).facts.too_long.count == 0
    with pytest.raises(DataError, match=f"longer than {length - 1} tokens"):
        encode(path, qwen3, length - 1)


def test_a_split_with_nothing_left_is_refused(qwen3, tmp_path):
    path = write_split(tmp_path / "train.parquet", [lamp(1, "red", LONG)])
    with pytest.raises(DataError, match="1 of 1 examples"):
        encode(path, qwen3, 100, on_too_long="drop")


def test_every_answer_of_a_conversation_is_trained(qwen3, tmp_path):
    more = (Turn("user", (Part(text="again?"),)), Turn("model", (Part(text="still red"),)))
    longer = replace(lamp(1, "red"), turns=lamp(1, "red").turns + more)
    short = encode(write_split(tmp_path / "train.parquet", [lamp(1, "red")]), qwen3, 100)
    both = encode(write_split(tmp_path / "test.parquet", [longer]), qwen3, 100)
    assert both.trained_tokens > short.trained_tokens
    assert len(both) == 1


def test_no_result_is_no_finished_run(tmp_path):
    with pytest.raises(DataError, match=r"holds no result\.json"):
        read_result(tmp_path)
    (tmp_path / "result.json").write_text('{"method": "pet"}')
    with pytest.raises(DataError, match="not a result that this release reads"):
        read_result(tmp_path)


def test_sampling_settings_of_a_base_model_do_not_stop_a_run_at_its_end(
    lamp_splits, base, tmp_path
):
    # As published models have them: transformers refuses to save these once they are changed.
    path = base / "generation_config.json"
    sampling = {"temperature": 0.6, "top_p": 0.9, "repetition_penalty": 1.3}
    path.write_text(json.dumps({**json.loads(path.read_text()), **sampling}))
    train(run_config(lamp_splits, tmp_path / "run", base, overrides={"epochs": 1}))
    saved = AutoModelForCausalLM.from_pretrained(tmp_path / "run" / "merged").generation_config
    assert (saved.temperature, saved.top_p, saved.repetition_penalty) == (None, None, None)


def test_an_answer_of_weight_0_is_read_and_not_learned(qwen3, tmp_path):
    def turns(*, trained):
        return (
            Turn("user", (Part("is it on?"),)),
            Turn("model", (Part("no"),), trained),
            Turn("user", (Part("and now?"),)),
            Turn("model", (Part("yes"),)),
        )

    counts = []
    for trained in (True, False):
        path = tmp_path / f"{trained}.parquet"
        example = Example(turns(trained=trained), "be brief", source="a", row=1)
        write_examples(path, [example], ExamplesInfo("train", "generation"))
        split = encode(path, qwen3, 256)
        counts.append((split.tokens, split.trained_tokens))
    assert counts[0][0] == counts[1][0]
    assert 0 < counts[1][1] < counts[0][1]
