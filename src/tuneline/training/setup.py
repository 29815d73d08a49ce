"""Everything that a run has before its first step, put together and proven."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tuneline.errors import ConfigurationError
from tuneline.models.images import Images
from tuneline.models.loading import context_length, load_processor, load_tokenizer
from tuneline.models.threads import choose_threads
from tuneline.training.base import choose_types, empty_model, load_base, uninitialised_model
from tuneline.training.compiler import require_compiler
from tuneline.training.defaults import RunFacts, resolved
from tuneline.training.distributed.sharding import choose_placement, layers_of, place
from tuneline.training.engine import Engine
from tuneline.training.loss import TokenLoss
from tuneline.training.marked_answers import require_marked_answers, telling_rows
from tuneline.training.memory_fit import CudaMeter, fit_to_memory
from tuneline.training.optimizer import make_optimizer
from tuneline.training.preflight import Preflight
from tuneline.training.sequences.batch import Padded
from tuneline.training.sequences.encoding import encode_split
from tuneline.training.sequences.plan import Limits, Plan
from tuneline.training.sequences.text_rows import TextRows
from tuneline.training.sequences.with_images import ImageRows
from tuneline.training.token_budget import TOKENS_ON_CPU, limits_on_cpu

if TYPE_CHECKING:
    from pathlib import Path

    from tuneline.training.base import Types
    from tuneline.training.distributed.ranks import Ranks
    from tuneline.training.distributed.sharding import Placement
    from tuneline.training.preflight import Checked
    from tuneline.training.sequences.store import StoredSplit
    from tuneline.training.settings import TrainConfig, TrainingSettings
    from tuneline.training.start import Start
    from tuneline.training.state import RunState

logger = logging.getLogger("tuneline")

_AHEAD_ON_GPU = 2
_AHEAD_WITH_IMAGES = 4


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run before its first step.

    Attributes:
        engine: Makes steps.
        placement: How the model lies on the devices.
        checked: What the preflight found.
        activation_checkpointing: Whether activations are computed twice.
        total_parameters: Parameters of the model without an adapter.
        trainable_parameters: Those that are trained: the adapter's, or the model's.
    """

    engine: Engine
    placement: Placement
    checked: Checked
    activation_checkpointing: bool
    total_parameters: int
    trainable_parameters: int


@dataclass(frozen=True, slots=True)
class Speaker:
    """How a model is spoken to.

    Attributes:
        tokenizer: Its tokenizer.
        rows: For a model that takes images, what encodes rows and puts them into batches.
        saved: What is saved with the model: its processor, or its tokenizer.
    """

    tokenizer: Any
    rows: ImageRows | None
    saved: Any


def load_speaker(folder: Path, config: TrainConfig) -> Speaker:
    """Load a model's tokenizer, and its processor where it takes images.

    Raises:
        ConfigurationError: One of them cannot be loaded.
    """
    processor = load_processor(folder)
    if processor is None:
        tokenizer = load_tokenizer(folder)
        return Speaker(tokenizer, None, tokenizer)
    rows = ImageRows(processor, Images(config.overrides.media_folder))
    return Speaker(processor.tokenizer, rows, processor)


def encode_splits(
    config: TrainConfig, start: Start, speaker: Speaker, folder: Path, ranks: Ranks
) -> dict[str, StoredSplit]:
    """Encode both splits, into a folder that a later try finds them in.

    Raises:
        ConfigurationError: ``max_length`` is over the model's own limit, or the chat template does
            not fit the examples.
        DataError: A split is empty or holds rows that do not fit.
    """
    limit = context_length(start.base.path)
    settings = config.overrides
    if settings.max_length and settings.max_length > limit:
        raise ConfigurationError(
            f"overrides.max_length: {settings.max_length} tokens, but {start.base.reference} was "
            f"made for {limit}. Lower it, or choose a base model with a longer context."
        )
    longest = settings.max_length or limit
    encoder = speaker.rows or TextRows(speaker.tokenizer)
    return {
        name: encode_split(path, encoder, settings, longest, folder / name, ranks)
        for name, path in (("train", config.train), ("validation", config.validation))
    }


def prepare_run(
    config: TrainConfig,
    start: Start,
    speaker: Speaker,
    splits: dict[str, StoredSplit],
    ranks: Ranks,
    earlier: RunState | None,
) -> Prepared:
    """Load the model, put it onto the devices, prove its loss and find how much a pass holds.

    Args:
        config: What to tune, and how.
        start: What it starts from.
        speaker: The base model's tokenizer and processor.
        splits: ``train`` and ``validation``, encoded.
        ranks: The run's processes.
        earlier: Where an earlier part of the run ended, which goes on as it was; None: none.

    Raises:
        ConfigurationError: Settings do not fit the model or the machine, or the loss is not what
            it should be.
        MachineError: The longest sequence does not fit into the device's memory.
    """
    given = _given(config, start)
    types = choose_types(given, config.method, ranks.device)
    skeleton = empty_model(start.base.path)
    continued = start.adapter is not None
    facts = _facts(config, skeleton, splits["train"], given, continued=continued)
    settings = resolved(given, facts)
    placement = choose_placement(skeleton, settings, config.method, ranks)
    choose_threads(skeleton.num_parameters())
    if placement == "sharded" and not ranks.main:
        inner = uninitialised_model(start.base.path, types)
    else:
        inner = load_base(start.base.path, settings, types, ranks.device)
    model = _with_adapter(inner, config, start, settings)
    # What was found for as many processes holds for these.
    known = earlier if earlier and earlier.world == ranks.world else None
    checkpointing = _with_work_saved(inner, settings, earlier)
    trainable = sum(w.numel() for w in model.parameters() if w.requires_grad)
    module = _placed(model, placement, types, ranks, splits)
    engine = Engine(
        module=module,
        model=model,
        token_loss=TokenLoss(module, inner),
        optimizer=make_optimizer(model, settings),
        plan=_plan(splits["train"], settings),
        splits=splits,
        layout=Padded(speaker.tokenizer.pad_token_id),
        limits=_limits(settings, inner, splits["train"], ranks, known),
        settings=settings,
        types=types,
        autocast=types.computation != "float32" and placement != "sharded",
        ranks=ranks,
        look_ahead=_look_ahead(splits["train"], ranks),
    )
    checked = _checked(engine, inner, speaker, config)
    engine.limits = engine.limits._replace(padded=not checked.packed)
    if ranks.device.type == "cuda" and not (known or settings.tokens_per_device):
        meter = CudaMeter(ranks.device)
        checkpointing = fit_to_memory(engine, inner, meter, checkpointing=checkpointing)
    parameters = skeleton.num_parameters()
    return Prepared(engine, placement, checked, checkpointing, parameters, trainable)


def _with_work_saved(inner: Any, settings: TrainingSettings, earlier: RunState | None) -> bool:
    """Compile a model's layers and compute activations twice as wanted; whether that is done."""
    checkpointing = bool(settings.activation_checkpointing)
    if earlier is not None and settings.activation_checkpointing is None:
        checkpointing = earlier.activation_checkpointing
    if checkpointing:
        inner.activation_checkpointing_enable()
    if settings.compile:
        require_compiler()
        for layer in layers_of(inner):
            layer.compile()
    return checkpointing


def _placed(
    model: Any,
    placement: Placement,
    types: Types,
    ranks: Ranks,
    splits: dict[str, StoredSplit],
) -> Any:
    sees_images = any(split.facts.images for split in splits.values())
    if placement == "sharded" and ranks.world > 1 and sees_images:
        _require_images_everywhere(splits)
    # Layers that see images are not reached by rows without, nor the last of them by any row.
    module = place(model, placement, types, ranks, some_unused=sees_images)
    model.train()
    return module


def _require_images_everywhere(splits: dict[str, StoredSplit]) -> None:
    """The processes of a sharded model must read the same layers at the same time.

    Raises:
        ConfigurationError: Some answers have images before them, and some have none.
    """
    without = {name: split.facts.without_images for name, split in splits.items()}
    if any(without.values()):
        raise ConfigurationError(
            f"Some answers have no image before them ({without}), and a model whose weights are "
            "split over several devices cannot be tuned on both kinds. Remove those rows, use one "
            "device, or set overrides.sharding to 'none' where each device holds the whole model."
        )


def _given(config: TrainConfig, start: Start) -> TrainingSettings:
    if start.adapter is None:
        return config.overrides
    from tuneline.training.adapters import settings_of_adapter

    return settings_of_adapter(start.adapter, config.overrides)


def _facts(
    config: TrainConfig,
    skeleton: Any,
    split: StoredSplit,
    settings: TrainingSettings,
    *,
    continued: bool,
) -> RunFacts:
    a_rank = 0
    if config.method == "pet" and not continued:
        from tuneline.training.adapters import parameters_a_rank, target_modules

        target_modules(skeleton, settings)  # a wrong name is told before the weights are read
        a_rank = parameters_a_rank(skeleton, settings)
    return RunFacts(
        method=config.method,
        preset=config.preset,
        parameters=skeleton.num_parameters(),
        examples=split.facts.examples - split.facts.too_long.count,
        trained_tokens=split.trained_tokens,
        parameters_a_rank=a_rank,
    )


def _look_ahead(split: StoredSplit, ranks: Ranks) -> int:
    """Steps to prepare ahead: images are slow to open; text on a CPU costs less than a thread."""
    if split.facts.images:
        return _AHEAD_WITH_IMAGES
    return _AHEAD_ON_GPU if ranks.device.type == "cuda" else 0


def _limits(
    settings: TrainingSettings,
    inner: Any,
    split: StoredSplit,
    ranks: Ranks,
    known: RunState | None,
) -> Limits:
    if known and not settings.tokens_per_device:
        return Limits(known.tokens_per_device, known.trained_per_device)
    if ranks.device.type == "cuda":
        tokens = settings.tokens_per_device or TOKENS_ON_CPU
        return Limits(tokens, tokens).holding(split.lengths, split.trained_counts)
    vocabulary = inner.config.get_text_config().vocab_size
    return limits_on_cpu(settings.tokens_per_device, vocabulary, split)


def _with_adapter(inner: Any, config: TrainConfig, start: Start, settings: TrainingSettings) -> Any:
    if config.method == "full":
        return inner
    from tuneline.training.adapters import add_adapter, continue_adapter

    if start.adapter is not None:
        adapted = continue_adapter(inner, start.adapter, settings)
    else:
        adapted = add_adapter(inner, settings)
    for weights in adapted.parameters():
        if weights.requires_grad:  # PEFT makes whole layers in the base's type
            weights.data = weights.data.float()
    return adapted


def _plan(split: StoredSplit, settings: TrainingSettings) -> Plan:
    return Plan(
        split.lengths,
        split.trained_counts,
        settings.batch_size or 1,
        settings.epochs or 1.0,
        settings.seed,
    )


def _checked(engine: Engine, inner: Any, speaker: Speaker, config: TrainConfig) -> Checked:
    engine.model.eval()
    wanted = engine.settings.packing
    if any(split.facts.images for split in engine.splits.values()):
        if wanted:
            raise ConfigurationError(
                "overrides.packing: rows with images are padded. Leave it out, or set it to false."
            )
        engine.layout, wanted = speaker.rows or engine.layout, False
    preflight = Preflight(
        engine.module,
        inner,
        engine.token_loss,
        engine.splits["train"],
        engine.types,
        engine.ranks,
        engine.casting,
        engine.forget_pass,
    )
    # First the text, which costs nothing, then the numbers.
    rows = telling_rows(engine.splits["train"], preflight.rows)
    require_marked_answers(engine.splits["train"], speaker.tokenizer, config.train, rows)
    engine.layout, checked = preflight.choose_layout(engine.layout, wanted)
    engine.model.train()
    return checked
