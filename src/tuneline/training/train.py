"""The trainer's one entry point: `train`, from a configuration to a folder with result.json.

Run by hand: ``tuneline train --config run.yaml``, or the same under torchrun. A finished run says
so when it is started again; an interrupted one continues from its newest whole checkpoint.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import time
from typing import TYPE_CHECKING

from tuneline.data.schema import read_info
from tuneline.errors import ConfigurationError, StoppedError
from tuneline.files import require_writable, sha256_file, sha256_folder
from tuneline.stop import stop_on_signals
from tuneline.training.artifacts import (
    MODEL_FOLDER,
    remove_leftovers,
    save_adapter,
    save_full,
    save_merged,
)
from tuneline.training.checkpoints.keeper import Checkpoints
from tuneline.training.checkpoints.store import CheckpointStore
from tuneline.training.distributed.ranks import joined
from tuneline.training.loop import Loop
from tuneline.training.progress import Progress
from tuneline.training.report.card import write_model_card
from tuneline.training.report.page import write_curves
from tuneline.training.result import RESULT_FILE, TuningResult, read_result
from tuneline.training.settings import MACHINE_SETTINGS
from tuneline.training.setup import encode_splits, load_speaker, prepare_run
from tuneline.training.start import ADAPTER_FOLDER, resolve_start
from tuneline.training.state import RunState
from tuneline.training.summary import Finished, summarize
from tuneline.training.tensorboard import TensorBoard

if TYPE_CHECKING:
    from pathlib import Path

    from tuneline.training.checkpoints.folder import Checkpoint, Tensors
    from tuneline.training.distributed.ranks import Ranks
    from tuneline.training.loop import Watcher
    from tuneline.training.sequences.store import StoredSplit
    from tuneline.training.settings import TrainConfig
    from tuneline.training.setup import Prepared, Speaker
    from tuneline.training.start import Start

logger = logging.getLogger("tuneline")

TOKENS_FOLDER = "tokens"

_COPY_DEADLINE_S = 15.0
"""Longest wait for a checkpoint's copy at the end; Kubernetes kills 30 s after it asked to stop."""

_RECIPE = 2
"""Version of what the trainer does with equal settings; it rises when weights would differ."""


def train(config: TrainConfig, checkpoint_folder: Path | None = None) -> TuningResult:
    """Tune a causal language model on a training split.

    Under torchrun every process calls this with the same configuration; rank 0 alone writes.

    Args:
        config: What to tune on what, and how.
        checkpoint_folder: Where checkpoints go; ``output/checkpoints`` unless given.

    Returns:
        The contents of ``output/result.json``, written last: where it is, everything is.

    Raises:
        ConfigurationError: The base model cannot be found or loaded, settings do not fit it, or
            the output folder holds another run.
        DataError: A split is empty, is no canonical Parquet or holds rows that do not fit.
        MachineError: The output folder cannot be written, memory does not suffice, or the loss is
            no number.
        ServiceError: The base model's store or hub does not answer.
        StoppedError: A signal asked to stop; the same call goes on where it ended.
    """
    started = time.monotonic()
    with joined() as ranks:
        return _Run(config, checkpoint_folder, ranks, started).result()


class _Run:
    """One run of the trainer in one process.

    Args:
        config: What to tune on what, and how.
        checkpoint_folder: Where checkpoints go; None: into the output.
        ranks: The run's processes.
        started: When the process began, by the monotonic clock.
    """

    def __init__(
        self, config: TrainConfig, checkpoint_folder: Path | None, ranks: Ranks, started: float
    ) -> None:
        require_writable(config.output)
        for split in (config.train, config.validation):
            read_info(split)  # before a large model is fetched
        self._config = config
        self._folder = checkpoint_folder or config.output / "checkpoints"
        self._ranks = ranks
        self._started = started
        # It may be large: one process of a machine fetches and digests it.
        self._start = ranks.from_first_here(lambda: resolve_start(config))
        self._digests = _digests(config, ranks)
        self._digest = _run_digest(config, self._start, self._digests)

    def result(self) -> TuningResult:
        """Do what is left of the run."""
        if self._ranks.from_main((self._config.output / RESULT_FILE).is_file):
            return self._already_done()
        checkpoints = self._checkpoints()
        try:
            return self._made(checkpoints)
        finally:
            if checkpoints is not None:
                checkpoints.close(_COPY_DEADLINE_S)

    def _made(self, checkpoints: Checkpoints | None) -> TuningResult:
        speaker = load_speaker(self._start.base.path, self._config)
        tokens = self._folder / TOKENS_FOLDER / self._digest
        splits = encode_splits(self._config, self._start, speaker, tokens, self._ranks)
        found = checkpoints.newest() if checkpoints else None
        earlier = self._ranks.from_main(lambda: found.state if found else None)
        prepared = prepare_run(self._config, self._start, speaker, splits, self._ranks, earlier)
        state = earlier or _new_state(prepared)
        state.activation_checkpointing = prepared.activation_checkpointing
        self._announce(prepared, splits, state)
        state.seconds += time.monotonic() - self._started
        tensors = self._trained(prepared, state, checkpoints, found)
        finished = Finished(
            self._config, self._start, self._digest, self._digests, prepared, splits, state
        )
        if self._ranks.main:
            self._write(finished, tensors, speaker)
        self._ranks.wait()
        if self._ranks.local_rank == 0:
            shutil.rmtree(tokens.parent, ignore_errors=True)  # made again if ever wanted
        return self._ranks.from_main(lambda: read_result(self._config.output))

    def _already_done(self) -> TuningResult:
        result = self._ranks.from_main(lambda: read_result(self._config.output))
        if result.run_digest != self._digest:
            raise ConfigurationError(
                f"{self._config.output}: holds the result of a run with other data, base model or "
                "settings. Choose another output folder, or remove this one to start over."
            )
        logger.info("tune: %s is already done", self._config.output)
        return result

    def _checkpoints(self) -> Checkpoints | None:
        """The run's checkpoints, for the process that writes them."""
        if not self._ranks.main:
            return None
        uri = self._config.overrides.checkpoint_uri
        store = CheckpointStore(uri, self._digest) if uri else None
        checkpoints = Checkpoints(self._folder, self._digest, store)
        remove_leftovers(self._config.output)
        return checkpoints

    def _announce(
        self, prepared: Prepared, splits: dict[str, StoredSplit], state: RunState
    ) -> None:
        engine = prepared.engine
        logger.info(
            "tune: %s on %s: %d of %d parameters, %d examples, %d for validation, %d of %d tokens "
            "trained, learning rate %g, at most %g epochs, %s",
            self._config.method,
            self._start.base.reference,
            prepared.trainable_parameters,
            prepared.total_parameters,
            splits["train"].facts.examples,
            splits["validation"].facts.examples,
            splits["train"].trained_tokens,
            splits["train"].tokens,
            engine.settings.learning_rate,
            engine.settings.epochs,
            "packed" if prepared.checked.packed else "padded",
        )
        if state.step and state.world != self._ranks.world:
            logger.warning(
                "tune: this run had %d processes and goes on with %d: the same batches, whose sums "
                "are taken in another order",
                state.world,
                self._ranks.world,
            )
            state.world = self._ranks.world

    def _trained(
        self,
        prepared: Prepared,
        state: RunState,
        checkpoints: Checkpoints | None,
        found: Checkpoint | None,
    ) -> Tensors:
        """Make the steps that are left; give the weights with the best validation loss."""
        engine = prepared.engine
        if state.step:
            logger.info("tune: resumed at step %d of %d", state.step, state.steps)
            engine.restore(found, state.step)
        watchers: list[Watcher] = []
        if self._ranks.main:
            watchers = [Progress(state), TensorBoard(self._config.output, state.step)]
        with stop_on_signals() as stop:
            try:
                Loop(engine, state, checkpoints, stop, watchers).run()
            except StoppedError:
                # While a second signal is still only noted; and no process leaves before the one
                # that writes, since its launcher would end the others.
                if checkpoints is not None:
                    checkpoints.close(_COPY_DEADLINE_S)
                self._ranks.wait()
                raise
        if state.best_step != state.step:
            engine.restore_weights(checkpoints.at(state.best_step) if checkpoints else None)
        return engine.collect()

    def _write(self, finished: Finished, tensors: Tensors, speaker: Speaker) -> None:
        """Write everything that a run leaves, result.json last."""
        output, base = self._config.output, self._start.base
        folder, difference = MODEL_FOLDER[self._config.method], None
        if self._config.method == "full":
            save_full(base.path, tensors.weights, speaker.saved, output / folder)
        else:
            adapter = output / ADAPTER_FOLDER
            model = finished.prepared.engine.model
            save_adapter(model, tensors.weights, speaker.saved, base, adapter)
            if finished.prepared.engine.settings.merge:
                difference = save_merged(base.path, adapter, speaker.saved, output / folder)
            else:
                folder = ADAPTER_FOLDER
        result = summarize(
            finished,
            model_folder=folder,
            model_digest=sha256_folder(output / folder),
            merged_logit_difference=difference,
            seconds=finished.state.seconds,
        )
        write_curves(output, result, finished, speaker.tokenizer)
        write_model_card(output, result, base.path)
        result.write(output)
        logger.info(
            "tune: done in %.1f s, best validation loss %.4f at step %d",
            result.seconds,
            result.best_validation_loss,
            result.best_step,
        )


def _digests(config: TrainConfig, ranks: Ranks) -> dict[str, str]:
    """Digests of the splits, which each machine has files of.

    Raises:
        ConfigurationError: The machines have different ones.
    """
    own = ranks.from_first_here(
        lambda: {"train": sha256_file(config.train), "validation": sha256_file(config.validation)}
    )
    if any(other != own for other in ranks.gathered(own)):
        raise ConfigurationError(
            f"{config.train}, {config.validation}: the machines of the run hold different files "
            "under these names. Give each the same."
        )
    return own


def _run_digest(config: TrainConfig, start: Start, digests: dict[str, str]) -> str:
    # What is continued stands there by its digest, wherever it lies.
    left_out = {*MACHINE_SETTINGS, "continue_from"}
    settings = config.overrides.model_dump_json(exclude=left_out)
    parts = [
        str(_RECIPE),
        config.method,
        config.preset,
        settings,
        start.base.digest,
        start.adapter_digest,
        *digests.values(),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _new_state(prepared: Prepared) -> RunState:
    engine = prepared.engine
    return RunState(
        steps=engine.plan.steps,
        world=engine.ranks.world,
        tokens_per_device=engine.limits.tokens,
        trained_per_device=engine.limits.trained,
    )
