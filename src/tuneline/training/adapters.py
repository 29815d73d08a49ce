"""LoRA adapters: made for a model or continued, and applied with few kernels.

Full tuning does not import this: PEFT takes seconds.
"""

from __future__ import annotations

import json
import re
import warnings
from contextlib import contextmanager
from types import MethodType
from typing import TYPE_CHECKING, Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora import LoraLayer
from torch.nn.functional import linear

from tuneline.errors import ConfigurationError
from tuneline.settings import suggestion
from tuneline.training.start import ADAPTER_CONFIG

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tuneline.training.settings import TrainingSettings

_NAME = "default"


def add_adapter(model: Any, settings: TrainingSettings) -> PeftModel:
    """Put a new adapter on a model and freeze the rest.

    Args:
        model: The base model.
        settings: Resolved settings; their seed decides the first weights.

    Raises:
        ConfigurationError: ``target_modules`` or ``modules_to_save`` name no layer of the model.
    """
    targets = target_modules(model, settings)
    torch.manual_seed(settings.seed)
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        use_rslora=settings.use_rslora,
        use_dora=settings.use_dora,
        target_modules=targets,
        exclude_modules=_no_plain_layers(model) or None,
        modules_to_save=settings.modules_to_save or None,
    )
    with _quiet_peft():
        adapted = get_peft_model(model, config)
    fuse(adapted)
    return adapted


def continue_adapter(model: Any, folder: Path, settings: TrainingSettings) -> PeftModel:
    """Put an earlier adapter on its base model, to be trained further.

    Args:
        model: The base model.
        folder: The adapter's folder.
        settings: Resolved settings, which say how much is dropped.

    Raises:
        ConfigurationError: It is no LoRA adapter for this model.
    """
    try:
        config = LoraConfig.from_pretrained(folder)
        config.lora_dropout = settings.lora_dropout
        with _quiet_peft():
            adapted = PeftModel.from_pretrained(model, folder, is_trainable=True, config=config)
    except (ValueError, KeyError, RuntimeError, OSError) as error:
        raise ConfigurationError(
            f"continue_from: {folder} is no adapter that fits this base model: {error}"
        ) from error
    fuse(adapted)
    return adapted


def applied_adapter(model: Any, folder: Path) -> PeftModel:
    """Put an adapter on its base model, to be used or merged and not to be trained."""
    with _quiet_peft():
        return PeftModel.from_pretrained(model, folder)


def settings_of_adapter(folder: Path, settings: TrainingSettings) -> TrainingSettings:
    """The settings with what an adapter that is continued already decides.

    Raises:
        ConfigurationError: It is no LoRA adapter, or the settings ask for another one; all
            contradictions are listed.
    """
    path = folder / ADAPTER_CONFIG
    try:
        config = json.loads(path.read_bytes())
        found = {
            "lora_rank": config["r"],
            "lora_alpha": config["lora_alpha"],
            "use_rslora": config.get("use_rslora", False),
            "use_dora": config.get("use_dora", False),
        }
        layers = {
            "target_modules": _listed(config["target_modules"]),
            "modules_to_save": _listed(config.get("modules_to_save") or []),
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"continue_from: {folder} holds no LoRA adapter ({path.name}: {error!r})."
        ) from error
    asked = settings.model_dump(include=settings.model_fields_set)
    problems = [
        f"overrides.{name}: {asked[name]!r}, but the adapter in continue_from has {value!r}. "
        "Leave it out."
        for name, value in found.items()
        if asked.get(name) not in (None, value)
    ]
    problems += [
        f"overrides.{name}: the adapter in continue_from has its layers already. Leave it out."
        for name in layers
        if name in asked
    ]
    if problems:
        raise ConfigurationError(problems)
    return settings.model_copy(update={**found, **layers})


def _listed(layers: str | list[str]) -> list[str]:
    """Names of layers, or the one pattern for all of them."""
    return [layers] if isinstance(layers, str) else sorted(layers)


def target_modules(model: Any, settings: TrainingSettings) -> str | list[str]:
    """The layers that get an adapter, in PEFT's words.

    All linear layers but the output, as QLoRA found to matter (arXiv 2305.14314, section 4); of a
    model with images those of its language model, since the rest saw far more than a task has.

    Raises:
        ConfigurationError: A name is no layer of the model; all are listed, with the nearest.
    """
    known = {part for name, _ in model.named_modules() for part in (name, name.rsplit(".", 1)[-1])}
    wanted = settings.target_modules
    named = {
        "target_modules": [] if isinstance(wanted, str) else wanted,
        "modules_to_save": settings.modules_to_save,
    }
    problems = [
        f"overrides.{setting}: the model has no layer {name!r}.{suggestion(name, sorted(known))}"
        for setting, names in named.items()
        for name in names
        if name not in known and not any(full.endswith(f".{name}") for full in known)
    ]
    if problems:
        raise ConfigurationError(problems)
    language = _language_model(model)
    if wanted != "all-linear" or not language:
        return wanted
    layers = {
        name.rsplit(".", 1)[-1]
        for name, module in model.named_modules()
        if name.startswith(language) and isinstance(module, torch.nn.Linear)
    }
    return rf"{re.escape(language)}.*\.({'|'.join(sorted(layers))})"


def _no_plain_layers(model: Any) -> list[str]:
    """Linear layers that give more than a product, as routers of experts do."""
    return [
        name
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear)
        and type(module).__module__.split(".")[0] not in ("torch", "bitsandbytes")
    ]


def _language_model(model: Any) -> str:
    """Beginning of the names of the language model's layers in a model with images; else empty."""
    if getattr(model.config, "vision_config", None) is None:
        return ""
    decoder = model.get_decoder()
    return next(f"{name}." for name, module in model.named_modules() if module is decoder)


def parameters_a_rank(model: Any, settings: TrainingSettings) -> int:
    """Parameters of an adapter of rank 1 on a model: one row and one column a layer."""
    output, language = model.get_output_embeddings(), _language_model(model)
    wanted = settings.target_modules
    total = 0
    for name, module in model.named_modules():
        is_linear = isinstance(module, torch.nn.Linear) or type(module).__name__ == "Conv1D"
        chosen = (
            name.startswith(language) if wanted == "all-linear" else name.endswith(tuple(wanted))
        )
        if is_linear and chosen and module is not output:
            total += _width(module)
    return max(total, 1)


def fuse(model: PeftModel) -> None:
    """Apply plain LoRA layers with one kernel fewer for each product, sum and scale.

    PEFT computes ``W x``, then ``B (A x)``, scales it and adds it. Here the last three are one
    matrix product that adds to its output. On a CPU it saves a tenth to a third of a step
    (benchmarks/RESULTS.md); the result is the same but for the order of roundings.
    """
    for layer in _plain_layers(model):
        layer.forward = MethodType(_fused_forward, layer)


def _plain_layers(model: PeftModel) -> Iterator[Any]:
    for layer in model.modules():
        if (
            isinstance(layer, LoraLayer)
            and _NAME in layer.lora_A
            and not layer.lora_variant
            and not layer.lora_bias.get(_NAME, False)
            and isinstance(layer.lora_A[_NAME], torch.nn.Linear)
        ):
            yield layer


def _fused_forward(layer: Any, states: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    out: torch.Tensor = layer.base_layer(states, *args, **kwargs)
    down, up = layer.lora_A[_NAME].weight, layer.lora_B[_NAME].weight
    rows = layer.lora_dropout[_NAME](states).flatten(0, -2)
    if not torch.is_autocast_enabled(states.device.type):
        rows = rows.to(down.dtype)
    change = linear(rows, down)
    summed = torch.addmm(
        out.flatten(0, -2).to(change.dtype), change, up.t(), alpha=layer.scaling[_NAME]
    )
    return summed.to(out.dtype).view(out.shape)


@contextmanager
def _quiet_peft() -> Iterator[None]:
    """Without PEFT's warnings of what transformers renamed, which no user can change."""
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message=".*is_gradient_checkpointing", category=FutureWarning
        )
        warnings.filterwarnings(
            "ignore", message=".*fan_in_fan_out is set to False", category=UserWarning
        )
        yield


def _width(module: Any) -> int:
    if isinstance(module, torch.nn.Linear):
        return int(module.in_features + module.out_features)
    return int(sum(module.weight.shape))
