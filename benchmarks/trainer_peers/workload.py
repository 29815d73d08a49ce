"""Makes what is tuned on: a model with random weights of a known shape, and rows of known lengths.

Run: ``python -m benchmarks.trainer_peers.workload SIZE KIND COUNT FOLDER``, in a process of its
own, so that the one that measures stays small.
"""

from __future__ import annotations

import json
import random
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

SIZES: dict[str, dict[str, int]] = {
    "tiny": {"hidden_size": 128, "intermediate_size": 192, "num_hidden_layers": 3, "heads": 8},
    "20m": {"hidden_size": 320, "intermediate_size": 960, "num_hidden_layers": 6, "heads": 8},
    "1b": {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "heads": 32},
    "3b": {"hidden_size": 3072, "intermediate_size": 8192, "num_hidden_layers": 28, "heads": 24},
    "8b": {"hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "heads": 32},
}
"""Shapes of decoders; the larger three are Llama 3's of 1, 3 and 8 billion parameters."""

_VOCABULARY = {"tiny": 0, "20m": 32_000}
"""Tokens of the output; no fewer than the tokenizer has."""

_LARGE_VOCABULARY = 128_256

KINDS: dict[str, tuple[tuple[int, int], tuple[int, int]]] = {
    "short": ((4, 14), (1, 3)),
    "mixed": ((4, 110), (1, 30)),
    "long": ((1050, 1050), (60, 60)),
}
"""Words of the prompts and of the answers, at least and at most; a word has 3 to 4 tokens."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a model's work is computed from.

    Attributes:
        body: Parameters of the layers, without embeddings and output.
        head: Parameters of the output layer.
        adapter: Parameters of an adapter of rank 16 on all linear layers.
        layers: How many layers.
        attention: Size of all heads together.
    """

    body: int
    head: int
    adapter: int
    layers: int
    attention: int


def _make_model(size: str, folder: Path) -> Shape:
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    from tuneline.models.loading import load_tokenizer
    from tuneline.models.source import resolve_base_model

    tokenizer = load_tokenizer(resolve_base_model("embedded").path)
    shape = dict(SIZES[size])
    heads = shape.pop("heads")
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=max(len(tokenizer), _VOCABULARY.get(size, _LARGE_VOCABULARY)),
        num_attention_heads=heads,
        num_key_value_heads=max(heads // 4, 1) if heads != 8 else 4,
        head_dim=shape["hidden_size"] // heads,
        max_position_embeddings=8192,
        tie_word_embeddings=size != "8b",
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        **shape,
    )
    model = Qwen3ForCausalLM(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    linear = [m for m in model.model.modules() if isinstance(m, torch.nn.Linear)]
    return Shape(
        body=sum(weights.numel() for layer in linear for weights in layer.parameters()),
        head=config.vocab_size * config.hidden_size,
        adapter=16 * sum(layer.in_features + layer.out_features for layer in linear),
        layers=config.num_hidden_layers,
        attention=heads * config.head_dim,
    )


def _make_rows(kind: str, count: int, path: Path) -> None:
    chance = random.Random(7)
    words = ["".join(chance.choices("abcdefghijklmnoprstuwy", k=7)) for _ in range(2000)]
    prompt, answer = KINDS[kind]
    with path.open("w", encoding="utf-8") as file:
        for _ in range(count):
            row = {
                "prompt": " ".join(chance.choices(words, k=chance.randint(*prompt))),
                "completion": " ".join(chance.choices(words, k=chance.randint(*answer))),
            }
            file.write(json.dumps(row) + "\n")


def main() -> None:
    """Make the model and the rows, and print the model's shape."""
    size, kind, count, folder = sys.argv[1:5]
    shape = _make_model(size, Path(folder) / "model")
    _make_rows(kind, int(count), Path(folder) / "rows.jsonl")
    print(json.dumps(asdict(shape)))


def step_flops(shape: Shape, method: str, tokens: int, trained: int, length: float) -> float:
    """Floating-point operations that tuning on so many tokens takes.

    A product with a matrix of n parameters takes 2 n operations forward, 2 n for the gradient of
    its input and 2 n for that of the weights, which frozen ones do not need (Kaplan et al., arXiv
    2001.08361, section 2.1). Logits are needed of trained tokens alone. Causal attention takes 2 x
    2 x length / 2 operations a token, head channel and layer forward, twice that backward.

    Args:
        shape: The model's.
        method: ``lora`` or ``full``.
        tokens: Tokens read.
        trained: Tokens that the loss falls on.
        length: Tokens of a sequence.
    """
    each = 6 if method == "full" else 4
    adapter = 6 * shape.adapter if method == "lora" else 0
    attention = 6 * shape.layers * shape.attention * length
    return tokens * (each * shape.body + adapter + attention) + trained * each * shape.head


def shape_of(printed: str) -> Shape:
    """The shape that the process of this file printed."""
    facts: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return Shape(**facts)


if __name__ == "__main__":
    main()
