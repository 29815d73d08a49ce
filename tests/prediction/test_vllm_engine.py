"""vLLM's side of prediction, with a stand-in that has vLLM's names and runs the model by hand."""

import sys
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest
import torch

from tests.lamps import lamps
from tests.prediction.questions import in_order
from tests.tiny_models import CONTEXT_TOKENS
from tuneline.errors import ConfigurationError
from tuneline.models.chat import render, to_messages
from tuneline.models.loading import load_model, load_tokenizer
from tuneline.prediction.decoding import AnswerPlan
from tuneline.prediction.generate import Generator
from tuneline.prediction.open_model import choose_engine
from tuneline.prediction.predict import predict_tuned
from tuneline.prediction.settings import PredictSettings
from tuneline.prediction.vllm_engine import VllmGenerator


@dataclass
class SamplingParams:
    """The fields of vLLM's class that are given; any other is refused."""

    n: int = 1
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    seed: int = 0
    stop_token_ids: list[int] = field(default_factory=list)
    max_tokens: int = 16
    detokenize: bool = True


@dataclass
class CompletionOutput:
    token_ids: tuple[int, ...]
    finish_reason: str


@dataclass
class RequestOutput:
    prompt_token_ids: list[int]
    outputs: list[CompletionOutput] = field(default_factory=list)


class LLM:
    made: ClassVar[list[dict[str, Any]]] = []

    def __init__(
        self,
        model: str,
        *,
        dtype: str = "auto",
        seed: int = 0,
        skip_tokenizer_init: bool = False,
        trust_remote_code: bool = False,
        **engine: Any,
    ) -> None:
        assert not trust_remote_code
        self.made.append({"model": model, "dtype": dtype, "seed": seed, **engine})
        self._model = load_model(Path(model), dtype="float32").eval()
        assert skip_tokenizer_init, "prompts are token ids"

    def generate(self, prompts, sampling_params=None, *, use_tqdm=True) -> list[RequestOutput]:
        return [
            RequestOutput(
                prompt["prompt_token_ids"],
                [self._complete(prompt["prompt_token_ids"], params, i) for i in range(params.n)],
            )
            for prompt, params in zip(prompts, sampling_params, strict=True)
        ]

    def _complete(self, prompt: list[int], params: SamplingParams, index: int) -> CompletionOutput:
        assert not params.detokenize
        written: list[int] = []
        generator = torch.Generator().manual_seed(params.seed + index)
        while len(written) < params.max_tokens:
            logits = self._model(torch.tensor([prompt + written])).logits[0, -1].detach()
            if params.temperature == 0:
                token = int(logits.argmax())
            else:
                chances = torch.softmax(logits / params.temperature, dim=-1)
                token = int(torch.multinomial(chances, 1, generator=generator))
            written.append(token)
            if token in params.stop_token_ids:
                return CompletionOutput(tuple(written), "stop")
        return CompletionOutput(tuple(written), "length")


@pytest.fixture
def vllm(monkeypatch):
    """A machine with vLLM and a GPU, as far as they are asked."""
    module = ModuleType("vllm")
    module.__spec__ = ModuleSpec("vllm", None)
    vars(module).update(LLM=LLM, SamplingParams=SamplingParams)
    monkeypatch.setitem(sys.modules, "vllm", module)
    monkeypatch.setattr(LLM, "made", [])
    monkeypatch.setenv("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    monkeypatch.setattr("tuneline.prediction.vllm_engine.torch.cuda.is_available", lambda: True)
    return module


@pytest.fixture(scope="module")
def prompts(full_run):
    tokenizer = load_tokenizer(full_run / "model")
    return [
        render(tokenizer, to_messages(row)[:-1], generation_prompt=True) for row in lamps(95, 7)
    ]


def made(folder, **plan) -> VllmGenerator:
    model = load_model(folder, dtype="float32")
    whole_plan = AnswerPlan(**{"max_new_tokens": 12, **plan})
    return VllmGenerator(folder, load_tokenizer(folder), model.generation_config, whole_plan)


def test_answers_are_those_of_transformers(vllm, full_run, prompts):
    folder = full_run / "model"
    model = load_model(folder, dtype="float32").eval()
    for longest in (12, 1):
        plan = AnswerPlan(max_new_tokens=longest)
        expected = in_order(Generator(model, load_tokenizer(folder), plan).answer(prompts))
        assert in_order(made(folder, max_new_tokens=longest).answer(prompts)) == expected
    assert LLM.made[0]["model"] == str(folder)
    assert LLM.made[0]["generation_config"] == "vllm"


def test_samples_are_drawn_once_and_come_again(vllm, full_run, prompts):
    plan = {"samples": 4, "sample_temperature": 3.0, "seed": 5}
    drawn = list(made(full_run / "model", **plan).sample(prompts))
    assert [place for place, _ in drawn] == [i for i in range(len(prompts)) for _ in range(4)]
    assert len({text for _, text in drawn}) > len(prompts)
    assert list(made(full_run / "model", **plan).sample(prompts)) == drawn


def test_a_prompt_without_room_is_not_asked(vllm, full_run, prompts):
    long = prompts[0] * CONTEXT_TOKENS
    found = in_order(made(full_run / "model").answer([long, prompts[0]]))
    assert [answer.finish_reason for answer in found] == ["prompt_too_long", "stop"]
    assert [place for place, _ in made(full_run / "model", samples=2).sample([long, "hi"])] == [
        1,
        1,
    ]


def test_a_tuned_model_answers_through_it(vllm, pet_run, lamp_splits, tmp_path, monkeypatch):
    paths = (lamp_splits / "test.parquet", lamp_splits / "train.parquet", pet_run)
    read = predict_tuned(*paths, PredictSettings(engine="vllm"), tmp_path / "vllm.parquet")
    monkeypatch.setattr("tuneline.prediction.vllm_engine.torch.cuda.is_available", lambda: False)
    plain = predict_tuned(*paths, PredictSettings(engine="auto"), tmp_path / "plain.parquet")
    (candidate,), (other,) = read.info.candidates, plain.info.candidates
    assert (candidate.engine, other.engine) == ("vllm", "transformers")
    assert candidate.total_parameters == other.total_parameters
    columns = ["example_id", "prediction", "prompt_tokens", "output_tokens", "finish_reason"]
    assert read.table("pet").select(columns).equals(plain.table("pet").select(columns))
    assert set(read.table("pet")["reference_nll"].to_pylist()) == {None}


def test_auto_takes_it_where_it_can_run(vllm, monkeypatch):
    assert choose_engine(PredictSettings()) == "vllm"
    assert choose_engine(PredictSettings(engine="transformers")) == "transformers"
    monkeypatch.setattr("tuneline.prediction.vllm_engine.torch.cuda.is_available", lambda: False)
    assert choose_engine(PredictSettings()) == "transformers"
    with pytest.raises(ConfigurationError, match="engine: vllm is installed, but .* no CUDA GPU"):
        choose_engine(PredictSettings(engine="vllm"))


def test_where_it_is_not_installed_the_message_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(ConfigurationError, match="engine: vllm is not installed. Install it"):
        choose_engine(PredictSettings(engine="vllm"))
    assert choose_engine(PredictSettings()) == "transformers"
