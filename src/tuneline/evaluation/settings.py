"""What is measured, and what decides when tuning counts as worth it."""

from __future__ import annotations

from typing import Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, field_validator, model_validator

from tuneline.errors import ConfigurationError
from tuneline.evaluation.metrics.names import name_problems
from tuneline.evaluation.pairwise.settings import JudgeSettings

TaskKind = Literal[
    "classification",
    "sentiment",
    "entity_extraction",
    "summarization",
    "query",
    "code",
    "tool_calls",
    "open_ended",
]
"""Kinds of tasks that have metrics of their own."""

TASK_KINDS: tuple[TaskKind, ...] = get_args(TaskKind)
SliceKind = Literal["label", "length", "group"]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GateRules(_Settings):
    """When a tuned model may be registered. Every rule must hold; no evidence never passes.

    Attributes:
        margin: What a tuned model must be better by than every baseline, in the primary metric's
            own unit (0.02: two points). 0: significantly better at all. Below 0: not worse by that
            much, for a tuned model that replaces a costlier prompt.
        at_least: The least value of a metric, by the metric's name. The primary metric counts by
            its measured value.
        at_most: The greatest value of a metric, by its name.
        max_unanswered: The greatest share of rows that a tuned candidate, or the best baseline, may
            leave unanswered: blocked by a service, or too long to be asked.
        max_slice_loss: The most that a slice may lose against the best baseline, in the primary
            metric's unit; None: slices are reported and decide nothing.
        min_slice_rows: Rows from which a slice can decide.
    """

    margin: FiniteFloat = 0.0
    at_least: dict[str, FiniteFloat] = Field(default_factory=dict)
    at_most: dict[str, FiniteFloat] = Field(default_factory=dict)
    max_unanswered: float = Field(default=0.05, ge=0, le=1)
    max_slice_loss: FiniteFloat | None = Field(default=None, ge=0)
    min_slice_rows: int = Field(default=20, ge=2)


class Prices(_Settings):
    """What computing costs, in US dollars; what is not given is not counted.

    A call of an open model costs the time of the machine that answers, a call of Gemini its tokens.

    Attributes:
        training_usd_per_hour: Of the machine that tunes.
        serving_usd_per_hour: Of the machine that answers.
        input_usd_per_million_tokens: Of prompts to Gemini.
        output_usd_per_million_tokens: Of its answers.
        expected_calls: Calls that tuning must pay for; with prices, total cost decides which
            candidate is cheapest.
    """

    training_usd_per_hour: float | None = Field(default=None, ge=0)
    serving_usd_per_hour: float | None = Field(default=None, ge=0)
    input_usd_per_million_tokens: float | None = Field(default=None, ge=0)
    output_usd_per_million_tokens: float | None = Field(default=None, ge=0)
    expected_calls: int = Field(default=100_000, ge=1)


class EvaluationSettings(_Settings):
    """How candidates are compared.

    Attributes:
        task: Kind of task, which chooses the metrics. ``auto``: told from the held-out rows.
        metrics: Further metrics: names of the catalogue, or your own functions as
            ``package.module:function`` or ``file.py:function``.
        primary_metric: What decides; ``auto``: the first of the task's own.
        significance: Level of the tests: how often a tuned candidate that is no better may pass,
            as a share.
        resamples: Bootstrap resamples behind each interval.
        permutations: Random swaps behind each randomization test.
        seed: Chooses both.
        slices: Parts of the held-out rows that are compared on their own.
        gate: When a tuned model may be registered.
        prices: What computing costs.
        database: SQLite or DuckDB file that queries run on.
        query_timeout_s: Longest run of one query, in seconds.
        query_dialect: SQL dialect by sqlglot's name; empty: that of the database.
        code_tests: JSONL, CSV or Parquet with ``prompt`` and ``tests`` for each held-out row.
        allow_code_execution: Run the answers of models, in a sandbox, on this machine.
        code_timeout_s: Longest run of one program with its tests, in seconds.
        code_memory_mib: Most memory of one program.
        pass_k: The k of pass@k; those above the number of samples are left out.
        answer_schema: JSON Schema file that answers must satisfy.
        judge: A model that compares answers; none is asked unless one is named.
        workers: Processes that measure rows; 0: one for each core where it pays.
    """

    task: Literal[TaskKind, "auto"] = "auto"
    metrics: tuple[str, ...] = ()
    primary_metric: str = "auto"
    significance: float = Field(default=0.05, gt=0, lt=0.5)
    resamples: int = Field(default=2000, ge=200, le=100_000)
    permutations: int = Field(default=9999, ge=999, le=1_000_000)
    seed: int = Field(default=0, ge=0)
    slices: tuple[SliceKind, ...] = ("label", "length", "group")
    gate: GateRules = Field(default_factory=GateRules)
    prices: Prices = Field(default_factory=Prices)
    database: str = ""
    query_timeout_s: float = Field(default=5.0, gt=0)
    query_dialect: str = ""
    code_tests: str = ""
    allow_code_execution: bool = False
    code_timeout_s: float = Field(default=10.0, gt=0)
    code_memory_mib: int = Field(default=512, ge=64)
    pass_k: tuple[int, ...] = (1, 5, 10)
    answer_schema: str = ""
    judge: JudgeSettings = Field(default_factory=JudgeSettings)
    workers: int = Field(default=0, ge=0)

    @field_validator("pass_k")
    @classmethod
    def _counts(cls, counts: tuple[int, ...]) -> tuple[int, ...]:
        if not counts or min(counts) < 1 or len(set(counts)) < len(counts):
            raise ValueError("give different numbers, each at least 1, such as [1, 5]")
        return tuple(sorted(counts))

    @model_validator(mode="after")
    def _metrics_can_be_measured(self) -> Self:
        if problems := list(dict.fromkeys(name_problems(self))):
            raise ConfigurationError(problems)
        return self

    @property
    def own_metrics(self) -> list[str]:
        """The user's own functions, each as it is named."""
        return [name for name in dict.fromkeys((*self.metrics, self.primary_metric)) if ":" in name]

    @property
    def files(self) -> list[str]:
        """Files beside the predictions whose contents decide about scores."""
        named = [self.database, self.code_tests, self.answer_schema]
        own = [name.rpartition(":")[0] for name in self.own_metrics if ".py:" in name]
        return [path for path in (*named, *own) if path]
