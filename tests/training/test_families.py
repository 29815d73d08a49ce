"""Models of many families: packed where that is exact, else padded, and tuned in any case."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from tests.lamps import run_config
from tests.tiny_models import CHATML, CONTEXT_TOKENS, make_tokenizer
from tuneline.errors import ConfigurationError
from tuneline.training.train import train

DECODER = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 16,
    "max_position_embeddings": CONTEXT_TOKENS,
    "initializer_range": 0.08,
}
PACKED: dict[str, dict[str, Any]] = {
    "llama": DECODER,
    "mistral": {**DECODER, "sliding_window": 8},
    "gemma3_text": {**DECODER, "sliding_window": 8},
    "phi3": DECODER,
    "granite": {**DECODER, "logits_scaling": 2.0},
    "olmo2": DECODER,
    "mixtral": {**DECODER, "num_local_experts": 2},
    "gpt_neox": DECODER,
    "lfm2": DECODER,
}
PADDED: dict[str, tuple[dict[str, Any], str]] = {
    "gemma2": ({**DECODER, "sliding_window": 8}, "its attention has softcap"),
    "gpt_oss": ({**DECODER, "num_local_experts": 4}, "its attention has s_aux"),
    "qwen2_moe": (
        {
            **DECODER,
            "num_experts": 2,
            "num_experts_per_tok": 1,
            "moe_intermediate_size": 16,
            "shared_expert_intermediate_size": 16,
            "use_sliding_window": True,
            "sliding_window": 8,
            "max_window_layers": 2,
        },
        "its layers see the nearest tokens alone, and do not say how many",
    ),
    "phimoe": (
        {**DECODER, "num_local_experts": 2, "sliding_window": 8},
        "its layers see the nearest tokens alone, and do not say how many",
    ),
    "stablelm": (DECODER, "its layers do not tell attention where sequences lie"),
    "bloom": ({"hidden_size": 32, "n_layer": 2, "n_head": 2, "initializer_range": 0.3}, ""),
    "mamba": ({"hidden_size": 32, "num_hidden_layers": 2, "initializer_range": 0.3}, ""),
}


def save(family: str, values: dict[str, Any], folder: Path) -> Path:
    tokenizer = make_tokenizer("<|im_end|>", CHATML)
    special = {
        "vocab_size": len(tokenizer),
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": None,
    }
    torch.manual_seed(0)
    config = AutoConfig.for_model(family, **{**special, **values})
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def tuned(family: str, values: dict[str, Any], splits: Path, folder: Path, **overrides: Any):
    base = save(family, values, folder / "base")
    given = {"epochs": 2, **overrides}
    return train(run_config(splits, folder / "run", base, method="full", overrides=given))


@pytest.mark.parametrize("family", PACKED)
def test_families_whose_rows_can_be_packed_are(family, lamp_splits, tmp_path):
    result = tuned(family, PACKED[family], lamp_splits, tmp_path)
    assert result.work.packed
    assert result.work.largest_loss_difference < 1e-5
    padded = tuned(family, PACKED[family], lamp_splits, tmp_path / "padded", packing=False)
    assert not padded.work.packed
    # Padding and packing are two ways to the same losses.
    assert [point.loss for point in result.train_loss] == pytest.approx(
        [point.loss for point in padded.train_loss], rel=1e-3
    )


@pytest.mark.parametrize("family", PADDED)
def test_families_whose_rows_cannot_be_packed_are_padded_and_say_why(
    family, lamp_splits, tmp_path, caplog
):
    caplog.set_level("INFO", logger="tuneline")
    values, reason = PADDED[family]
    result = tuned(family, values, lamp_splits, tmp_path)
    assert not result.work.packed
    assert reason in result.work.not_packed_because
    assert result.work.not_packed_because
    assert "rows are padded, not packed: " in caplog.text
    assert result.train_loss[-1].loss < result.train_loss[0].loss
    with pytest.raises(ConfigurationError, match="overrides.packing: this model cannot"):
        tuned(family, values, lamp_splits, tmp_path / "wanted", packing=True)
