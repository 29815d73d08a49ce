"""Where a run stands, and all that it needs to go on beside weights and moments."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from tuneline.training.result import LossPoint


class RunState(BaseModel):
    """Where a run stands.

    Neither the order of the data nor the learning rate nor random states are here: each is a
    function of the seed and the step.

    Attributes:
        step: Optimizer steps made.
        steps: Optimizer steps of the whole run.
        world: Processes of the run.
        tokens_per_device: Most tokens of one forward pass, as they were chosen.
        trained_per_device: Most of them that logits are computed for.
        activation_checkpointing: Whether activations are computed twice.
        train_loss: Loss since the point before, by step.
        validation_loss: Loss of the whole validation split, by step.
        best_step: Step of the best validation loss; 0: none yet.
        validations_without_better: Since the best one.
        validation_due: Whether the validation after this step was cut off.
        stopped_early: Whether early stopping ended the run.
        loss_since_log: Sum of the losses of the tokens since the last point of ``train_loss``.
        tokens_since_log: How many tokens that were.
        seconds: Time of the run so far, all its parts together.
        training_seconds: Time of it that was spent in steps.
        tokens: Tokens read in steps so far, prompts included.
    """

    model_config = ConfigDict(extra="forbid")

    step: int = 0
    steps: int
    world: int
    tokens_per_device: int
    trained_per_device: int
    activation_checkpointing: bool = False
    train_loss: list[LossPoint] = []
    validation_loss: list[LossPoint] = []
    best_step: int = 0
    validations_without_better: int = 0
    validation_due: bool = False
    stopped_early: bool = False
    loss_since_log: float = 0.0
    tokens_since_log: int = 0
    seconds: float = 0.0
    training_seconds: float = 0.0
    tokens: int = 0

    @property
    def finished(self) -> bool:
        """Whether no step is left to make."""
        return self.stopped_early or self.step >= self.steps

    @property
    def best_loss(self) -> float:
        """The best validation loss; infinite before the first."""
        return min((point.loss for point in self.validation_loss), default=float("inf"))
