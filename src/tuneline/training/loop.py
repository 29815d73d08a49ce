"""The run: steps, validations and checkpoints, until the end or until it is asked to stop."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Protocol

from tuneline.errors import MachineError, StoppedError
from tuneline.training.result import LossPoint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuneline.stop import StopRequest
    from tuneline.training.checkpoints.keeper import Checkpoints
    from tuneline.training.engine import Engine, StepLoss
    from tuneline.training.state import RunState

_STEPS_BETWEEN_POINTS = 5
_NAMED_EXAMPLES = 8


class Watcher(Protocol):
    """Is told how a run goes on."""

    def stepped(self, state: RunState, /) -> None:
        """A step was made."""
        ...

    def trained(self, state: RunState, point: LossPoint, /) -> None:
        """A point of the training loss was taken."""
        ...

    def validated(self, state: RunState, point: LossPoint, /) -> None:
        """The validation loss was measured."""
        ...


class Loop:
    """Makes the steps of a run.

    Args:
        engine: Makes one.
        state: Where the run stands; kept up to date.
        checkpoints: Where it is kept; None in processes that do not write.
        stop: Whether the run was asked to stop.
        watchers: Are told how it goes.
    """

    def __init__(
        self,
        engine: Engine,
        state: RunState,
        checkpoints: Checkpoints | None,
        stop: StopRequest,
        watchers: Sequence[Watcher],
    ) -> None:
        self._engine = engine
        self._state = state
        self._checkpoints = checkpoints
        self._stop = stop
        self._watchers = watchers
        self._began_s = time.monotonic() - state.seconds
        self._saved_s = time.monotonic()
        self._saved_step = state.step

    def run(self) -> None:
        """Make every step that is left.

        Raises:
            MachineError: The loss is no number, or a checkpoint cannot be written.
            StoppedError: The run was asked to stop, and a checkpoint was written.
        """
        state = self._state
        while state.validation_due or not state.finished:
            if not state.validation_due:
                self._step()
                state.validation_due = self._validation_is_due()
            if state.validation_due and self._validated():
                state.validation_due = False
                if self._saved_step < state.step:
                    self._save()
            stopping, old = self._engine.ranks.largest([self._stop.signal, self._save_is_due()])
            if stopping:
                self._end(int(stopping))
            if old:
                self._save()
        if self._checkpoints is not None:
            self._checkpoints.wait()

    def _step(self) -> None:
        state, started = self._state, time.monotonic()
        made = self._engine.step(state.step)
        state.step += 1
        self._require_numbers(made)
        state.training_seconds += time.monotonic() - started
        plan = self._engine.plan
        state.tokens += int(plan.lengths[plan.batch(state.step - 1)].sum())
        state.loss_since_log += made.loss
        state.tokens_since_log += made.trained_tokens
        for watcher in self._watchers:
            watcher.stepped(state)
        if state.step == 1 or state.step % _STEPS_BETWEEN_POINTS == 0 or state.finished:
            point = self._point(state.loss_since_log / state.tokens_since_log)
            state.train_loss.append(point)
            state.loss_since_log, state.tokens_since_log = 0.0, 0
            for watcher in self._watchers:
                watcher.trained(state, point)

    def _require_numbers(self, made: StepLoss) -> None:
        if math.isfinite(made.loss) and math.isfinite(made.gradient_norm):
            return
        what = "gradient" if math.isfinite(made.loss) else "loss"
        raise MachineError(
            f"The {what} is no number at step {self._state.step}, whose batch held examples "
            f"{self._examples()} of the training split. {self._advice()}"
        )

    def _examples(self) -> str:
        """Numbers of the examples of the last step, counted from 1; the first of them."""
        engine = self._engine
        places = engine.splits["train"].example_places
        numbers = sorted({int(places[i]) + 1 for i in engine.plan.batch(self._state.step - 1)})
        named = ", ".join(map(str, numbers[:_NAMED_EXAMPLES]))
        return f"{named}, ..." if len(numbers) > _NAMED_EXAMPLES else named

    def _advice(self) -> str:
        rate = self._engine.settings.learning_rate or 0.0
        return f"Lower learning_rate (it was {rate:g}) and run again in another output folder."

    def _validation_is_due(self) -> bool:
        state, every = self._state, self._engine.settings.save_steps
        every = every or self._engine.plan.steps_an_epoch
        return state.finished or state.step % every == 0

    def _validated(self) -> bool:
        """Measure the validation loss, unless the run is asked to stop on the way."""
        state = self._state
        loss = self._engine.validate(self._stop)
        if loss is None:
            return False
        if not math.isfinite(loss):
            raise MachineError(
                f"The validation loss is no number at step {state.step}. {self._advice()}"
            )
        better = loss < state.best_loss
        point = self._point(loss)
        state.validation_loss.append(point)
        if better:
            state.best_step, state.validations_without_better = state.step, 0
        else:
            state.validations_without_better += 1
        patience = self._engine.settings.early_stopping_patience
        if patience and state.validations_without_better >= patience:
            state.stopped_early = state.step < state.steps
        for watcher in self._watchers:
            watcher.validated(state, point)
        return True

    def _point(self, loss: float) -> LossPoint:
        epoch = self._state.step / self._engine.plan.steps_an_epoch
        return LossPoint(step=self._state.step, epoch=epoch, loss=loss)

    def _save_is_due(self) -> bool:
        age = time.monotonic() - self._saved_s
        return self._saved_step < self._state.step and age > 60 * self._engine.settings.save_minutes

    def _save(self) -> None:
        tensors = self._engine.collect()
        # Smaller, where a pass did not fit on the way.
        limits = self._engine.limits
        self._state.tokens_per_device, self._state.trained_per_device = (
            limits.tokens,
            limits.trained,
        )
        self._state.seconds = time.monotonic() - self._began_s
        if self._checkpoints is not None:
            on_gpu = self._engine.ranks.device.type == "cuda"
            state = self._state.model_copy(deep=True)
            self._checkpoints.save(state, tensors, in_background=on_gpu)
        self._saved_s, self._saved_step = time.monotonic(), self._state.step

    def _end(self, number: int) -> None:
        if self._saved_step < self._state.step:
            self._save()
        if self._checkpoints is not None:
            self._checkpoints.wait()
        raise StoppedError(
            f"Stopped by signal {number} at step {self._state.step} of {self._state.steps}, with a "
            "checkpoint. Run the same command again: it goes on from there.",
            number,
        )
