"""The control: the same tuning on a base with random weights must be far worse."""

import hashlib
import json
from pathlib import Path
from random import Random

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

FOLDER = Path("src/tuneline/training/embedded")
TICKETS = Path("examples/support_tickets/tickets.jsonl")
LEARNING_RATE = 5e-3
BATCH_SIZE = 16
EPOCHS = 4
HELD_OUT_SHARE = 0.2


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(FOLDER, local_files_only=True)


@pytest.fixture(scope="module")
def splits():
    rows = [json.loads(line) for line in TICKETS.read_text().splitlines()]
    rows.sort(key=lambda row: hashlib.sha256(row["prompt"].encode()).hexdigest())
    held_out = int(len(rows) * HELD_OUT_SHARE)
    return rows[held_out:], rows[:held_out]


def _prompt(tokenizer, row):
    return tokenizer.apply_chat_template(
        [{"role": "user", "content": row["prompt"]}], tokenize=False, add_generation_prompt=True
    )


def _tuned(model, tokenizer, rows):
    """LoRA on every linear layer, loss on the answer's tokens, a linear decay to zero."""
    torch.manual_seed(0)
    model = get_peft_model(
        model, LoraConfig(task_type="CAUSAL_LM", r=16, lora_alpha=32, target_modules="all-linear")
    )
    optimizer = torch.optim.AdamW(
        [weights for weights in model.parameters() if weights.requires_grad], lr=LEARNING_RATE
    )
    steps = EPOCHS * len(rows) // BATCH_SIZE
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
    generator = Random(0)
    for _ in range(steps):
        loss = _answer_loss(model, tokenizer, generator.sample(rows, BATCH_SIZE))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return model.eval()


def _answer_loss(model, tokenizer, rows):
    prompts = [tokenizer(_prompt(tokenizer, row))["input_ids"] for row in rows]
    answers = [tokenizer(row["completion"] + tokenizer.eos_token)["input_ids"] for row in rows]
    pairs = list(zip(prompts, answers, strict=True))
    length = max(len(prompt) + len(answer) for prompt, answer in pairs)
    ids = torch.full((len(rows), length), tokenizer.pad_token_id)
    labels = torch.full((len(rows), length), -100)
    for i, (prompt, answer) in enumerate(pairs):
        end = len(prompt) + len(answer)
        ids[i, :end] = torch.tensor(prompt + answer)
        labels[i, len(prompt) : end] = torch.tensor(answer)
    # Padding stands at the end, where no trained token can see it.
    return model(input_ids=ids, labels=labels).loss


def _accuracy(model, tokenizer, rows):
    right = 0
    for start in range(0, len(rows), 64):
        some = rows[start : start + 64]
        encoded = tokenizer(
            [_prompt(tokenizer, row) for row in some], return_tensors="pt", padding=True
        )
        output = model.generate(**encoded, max_new_tokens=12, do_sample=False)
        answers = tokenizer.batch_decode(
            output[:, encoded["input_ids"].shape[1] :], skip_special_tokens=True
        )
        right += sum(a == row["completion"] for a, row in zip(answers, some, strict=True))
    return right / len(rows)


@pytest.mark.slow
def test_lora_on_the_trained_base_beats_lora_on_random_weights(tokenizer, splits):
    train, held_out = splits
    trained = AutoModelForCausalLM.from_pretrained(FOLDER, local_files_only=True)
    torch.manual_seed(0)
    random = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(FOLDER))
    on_trained = _accuracy(_tuned(trained, tokenizer, train), tokenizer, held_out)
    on_random = _accuracy(_tuned(random, tokenizer, train), tokenizer, held_out)
    assert on_trained > 0.7
    assert on_trained > on_random + 0.2, f"trained {on_trained:.3f}, random {on_random:.3f}"
