"""Loading an open model and its tokenizer: safetensors only, no code from the model's folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuneline.errors import ConfigurationError
from tuneline.models.chat import DEFAULT_CHAT_TEMPLATE

if TYPE_CHECKING:
    from pathlib import Path

_LONGEST_NAMES = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "n_ctx")
_NO_LONGEST = 2**20

_PROCESSOR_FILES = ("processor_config.json", "preprocessor_config.json")


def load_tokenizer(folder: Path) -> Any:
    """Load a tokenizer, with `DEFAULT_CHAT_TEMPLATE` where the model brings no template.

    Raises:
        ConfigurationError: There is no tokenizer that can be loaded without running its code.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
    except Exception as error:  # a damaged tokenizer.json raises a bare Exception
        raise ConfigurationError(f"{folder}: its tokenizer cannot be loaded: {error}") from error
    if not tokenizer.is_fast:
        raise ConfigurationError(
            f"{folder}: its tokenizer has no tokenizer.json, which is needed to tell which tokens "
            "belong to the answer. Convert it with `tokenizer.save_pretrained`."
        )
    if tokenizer.chat_template is None:
        tokenizer.chat_template = DEFAULT_CHAT_TEMPLATE
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def context_length(folder: Path) -> int:
    """Longest sequence, in tokens, that a model was made for.

    Raises:
        ConfigurationError: Its configuration is of no kind that transformers knows.
    """
    return longest_sequence(load_config(folder))


def load_config(folder: Path) -> Any:
    """Load a model's configuration, without its weights.

    Raises:
        ConfigurationError: It is of no kind that transformers knows.
    """
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise ConfigurationError(f"{folder}: its config.json cannot be used: {error}") from error


def load_processor(folder: Path) -> Any | None:
    """Load the processor of a model that takes images; None for one that takes text alone.

    Raises:
        ConfigurationError: There is one that cannot be loaded here.
    """
    from transformers import AutoProcessor

    if not any((folder / name).is_file() for name in _PROCESSOR_FILES):
        return None
    try:
        processor = AutoProcessor.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
    except (OSError, ValueError, KeyError, ImportError, TypeError) as error:
        raise ConfigurationError(
            f"{folder}: its processor of images cannot be loaded: {error}. Install what it names, "
            "or give a model that takes text alone."
        ) from error
    if not hasattr(processor, "image_processor"):
        return None
    tokenizer = processor.tokenizer
    tokenizer.padding_side = "right"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    if processor.chat_template is None:
        processor.chat_template = tokenizer.chat_template
    return processor


def longest_sequence(config: Any) -> int:
    """Longest sequence, in tokens, by a model's configuration, under whatever name it has there.

    Recurrent models name none, since they have none: theirs is a million tokens here.
    """
    text = config.get_text_config()
    named = (getattr(text, name, None) for name in _LONGEST_NAMES)
    return next((int(value) for value in named if value), _NO_LONGEST)


def model_class(folder: Path) -> Any:
    """The class of transformers that loads a model: with images, where it was made for them.

    Raises:
        ConfigurationError: Its configuration is of no kind that transformers knows.
    """
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES as WITH_IMAGES,
    )

    config = load_config(folder)
    made_for = set(config.architectures or ())
    names = WITH_IMAGES.get(config.model_type, ())
    wanted = {names} if isinstance(names, str) else set(names)
    return AutoModelForImageTextToText if made_for & wanted else AutoModelForCausalLM


def load_model(
    folder: Path, *, dtype: str, quantization: Any = None, device_map: Any = None
) -> Any:
    """Load a causal language model's safetensors.

    Args:
        folder: The model's folder.
        dtype: A torch dtype's name, such as ``float32`` or ``bfloat16``; ``auto``: as it is stored.
        quantization: How transformers should quantize it; None: not at all.
        device_map: Where it is put, which quantization needs to know; None: main memory.

    Raises:
        ConfigurationError: It is no causal language model that transformers knows, or its files
            lack some of the model's weights.
    """
    import torch
    from safetensors import SafetensorError
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    try:
        model, loaded = model_class(folder).from_pretrained(
            folder,
            dtype="auto" if dtype == "auto" else getattr(torch, dtype),
            quantization_config=quantization,
            device_map=device_map,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise ConfigurationError(f"{folder}: cannot be loaded as a model: {error}") from error
    # transformers fills these with random numbers and goes on.
    if missing := sorted(loaded["missing_keys"]):
        raise ConfigurationError(
            f"{folder}: its safetensors lack {len(missing)} weights of a causal language model, "
            f"{missing[0]} first. Give a complete model of that kind."
        )
    return model
