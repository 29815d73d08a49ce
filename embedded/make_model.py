"""Make the base model that ships with the package, from nothing.

Run from the repository's root; it replaces the files in ``src/tuneline/training/embedded``:

    .venv/bin/python -m embedded.make_model

Corpus, tokenizer and weights depend on the constants of these modules alone: a second run on the
same machine with the same versions of torch, transformers and tokenizers gives the same bytes.
"""

from __future__ import annotations

import json
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedded import corpus as corpus_module
from embedded import training
from embedded.corpus import corpus_digest, make_corpus
from embedded.lexicon import read_lexicon
from embedded.tokenizer import make_tokenizer
from tuneline.files import new_folder, sha256_file, write_text

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast, Qwen3ForCausalLM

    from embedded.instructions import Chat

OUTPUT = Path("src/tuneline/training/embedded")
_CARD = Path(__file__).with_name("model_card.md")


def save(
    folder: Path,
    model: Qwen3ForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    corpus: list[Chat],
) -> None:
    """Write the model, its tokenizer, its recipe and its card; an existing folder is replaced."""
    with new_folder(folder) as temporary:
        model.save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)
        (temporary / "model.safetensors").chmod(0o644)
        recipe = make_recipe(corpus)
        recipe["weights_sha256"] = sha256_file(temporary / "model.safetensors")
        write_text(temporary / "recipe.json", json.dumps(recipe, indent=2, sort_keys=True) + "\n")
        card = _CARD.read_text(encoding="utf-8")
        facts = {"parameters": f"{model.num_parameters():,}", "vocabulary": f"{len(tokenizer):,}"}
        write_text(temporary / "README.md", card.format(**facts, chats=f"{len(corpus):,}"))


def make_recipe(corpus: list[Chat]) -> dict[str, Any]:
    """What the weights come from: the corpus's digest, the constants and the versions."""
    return {
        "corpus_sha256": corpus_digest(corpus),
        "corpus": {
            "copies": corpus_module.COPIES,
            "repeats": corpus_module.REPEATS,
            "instructions": corpus_module.INSTRUCTIONS,
            "seed": corpus_module.SEED,
        },
        "training": {
            "batch_size": training.BATCH_SIZE,
            "learning_rate": training.LEARNING_RATE,
            "seed": training.SEED,
            "threads": training.THREADS,
            "warmup_share": training.WARMUP_SHARE,
            "weight_decay": training.WEIGHT_DECAY,
        },
        "machine": platform.machine(),
        "versions": {name: version(name) for name in ("tokenizers", "torch", "transformers")},
    }


def main() -> None:
    """Make the corpus, the tokenizer and the model, and say how long it took."""
    start = time.perf_counter()
    corpus = make_corpus()
    tokenizer = make_tokenizer(corpus, read_lexicon())
    model = training.train(corpus, tokenizer, training.make_configuration(tokenizer))
    save(OUTPUT, model, tokenizer, corpus)
    print(
        f"{OUTPUT}: {model.num_parameters():,} parameters, {len(corpus):,} chats, "
        f"{time.perf_counter() - start:.0f} s, "
        f"weights {sha256_file(OUTPUT / 'model.safetensors')[:16]}"
    )


if __name__ == "__main__":
    main()
