"""The model that tuning starts from, in the types that the method and the device want."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch

from tuneline.errors import ConfigurationError
from tuneline.models.loading import load_config, load_model, model_class

if TYPE_CHECKING:
    from pathlib import Path

    from tuneline.training.settings import Method, TrainingSettings

Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True, slots=True)
class Types:
    """Types by name.

    Attributes:
        weights: Of the weights as they are held: float32 where they are trained, since small steps
            vanish in 16 bits.
        computation: Of matrix products.
    """

    weights: Precision
    computation: Precision


def choose_types(settings: TrainingSettings, method: Method, device: torch.device) -> Types:
    """The types that a run takes.

    Raises:
        ConfigurationError: The device has no bfloat16.
    """
    on_gpu = device.type == "cuda"
    has_bfloat16 = torch.cuda.is_bf16_supported(including_emulation=False) if on_gpu else True
    if settings.precision == "bfloat16" and not has_bfloat16:
        raise ConfigurationError(
            f"overrides.precision: {torch.cuda.get_device_name(device)} has no bfloat16. "
            "Set it to 'float32'."
        )
    computation: Precision = "float32"
    if settings.precision == "bfloat16" or (settings.precision == "auto" and on_gpu):
        computation = "bfloat16" if has_bfloat16 else "float32"
    # A frozen base needs no 32 bits; without bfloat16 it would be cast in every step.
    frozen = method == "pet" and computation == "bfloat16"
    return Types("bfloat16" if frozen else "float32", computation)


def load_base(folder: Path, settings: TrainingSettings, types: Types, device: torch.device) -> Any:
    """Load the model that is tuned, without its adapter.

    Args:
        folder: Folder of the base model.
        settings: Says whether it is held in 4 bits.
        types: Types of the weights and of the computation.
        device: Where 4-bit weights are made.

    Raises:
        ConfigurationError: The model cannot be loaded, or 4 bits are wanted and bitsandbytes is
            not there.
    """
    if settings.quantization == "none":
        return load_model(folder, dtype=types.weights)
    return load_model(
        folder, dtype=types.weights, quantization=_four_bits(types), device_map={"": device}
    )


def _four_bits(types: Types) -> Any:
    """NF4 with double quantization, as the QLoRA paper has it (arXiv 2305.14314, section 3)."""
    from transformers import BitsAndBytesConfig
    from transformers.utils import is_bitsandbytes_available

    if not is_bitsandbytes_available():
        raise ConfigurationError(
            "overrides.quantization: '4bit' needs bitsandbytes. Install it: "
            "pip install 'tuneline[quantization]'."
        )
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=getattr(torch, types.computation),
    )


def empty_model(folder: Path) -> Any:
    """A model without weights, whose layers can be counted and named."""
    with torch.device("meta"):
        return model_class(folder).from_config(load_config(folder))


def uninitialised_model(folder: Path, types: Types) -> Any:
    """A model whose weights will come from another process; their memory is never touched."""
    from transformers.initialization import no_init_weights

    with no_init_weights():
        model = model_class(folder).from_config(
            load_config(folder), dtype=getattr(torch, types.weights)
        )
    model.tie_weights()  # which is left out with the rest
    return model
