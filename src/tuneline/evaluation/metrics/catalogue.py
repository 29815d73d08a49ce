"""Which metrics a task has, and how they are made from the settings."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneline.errors import ConfigurationError
from tuneline.evaluation.databases.database import kind_of
from tuneline.evaluation.metrics.code import Compiles, PassAtK
from tuneline.evaluation.metrics.custom import custom_metric
from tuneline.evaluation.metrics.entities import (
    EntityF1,
    EntityPrecision,
    EntityRecall,
    HallucinatedEntities,
)
from tuneline.evaluation.metrics.json_format import JsonValid, SchemaValid
from tuneline.evaluation.metrics.labels import Accuracy, InvalidLabelRate, MacroF1, WeightedF1
from tuneline.evaluation.metrics.names import JUDGE_METRIC, OF_TASK, pass_at
from tuneline.evaluation.metrics.overlap import (
    Chrf,
    LengthRatio,
    Rouge1,
    Rouge2,
    RougeL,
    RougeLsum,
)
from tuneline.evaluation.metrics.perplexity import Perplexity
from tuneline.evaluation.metrics.queries import AstMatch, ExecutionAccuracy, ValidQuery
from tuneline.evaluation.metrics.text import Contains, ExactMatch, NormalizedMatch, TokenF1
from tuneline.evaluation.metrics.tool_calls import ToolCallMatch, ToolCallValid, ToolNameMatch
from tuneline.evaluation.sandbox.code_tests import read_tests
from tuneline.evaluation.sandbox.limits import Limits
from tuneline.settings import suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tuneline.evaluation.metrics.metric import Metric
    from tuneline.evaluation.sandbox.code_tests import CodeTests
    from tuneline.evaluation.settings import EvaluationSettings
    from tuneline.evaluation.tasks import TaskChoice


@dataclass(frozen=True, slots=True)
class _Needs:
    """What metrics are made from; `name_problems` has found that the settings have it."""

    settings: EvaluationSettings
    labels: Sequence[str]
    samples: int
    tests: CodeTests | None

    def wanted_labels(self) -> Sequence[str]:
        if not self.labels:
            raise ConfigurationError(
                "there is no label set. Prepare the data with `task: classification`, or choose "
                "other metrics."
            )
        return self.labels

    def database(self) -> Path:
        return Path(self.settings.database)

    def dialect(self) -> str:
        if self.settings.query_dialect or not self.settings.database:
            return self.settings.query_dialect
        return kind_of(self.database())

    def pass_at(self, k: int) -> Metric:
        settings = self.settings
        limits = Limits(
            wall_s=settings.code_timeout_s,
            cpu_s=math.ceil(settings.code_timeout_s),
            memory_bytes=settings.code_memory_mib * 2**20,
        )
        if self.tests is None:
            raise ConfigurationError("needs `code_tests`, a file with the tests of each prompt.")
        return PassAtK(k, self.tests, limits, samples=self.samples)


_MADE: dict[str, Callable[[_Needs], Metric]] = {
    "exact_match": lambda _: ExactMatch(),
    "normalized_match": lambda _: NormalizedMatch(),
    "token_f1": lambda _: TokenF1(),
    "contains": lambda _: Contains(),
    "rouge_1": lambda _: Rouge1(),
    "rouge_2": lambda _: Rouge2(),
    "rouge_l": lambda _: RougeL(),
    "rouge_lsum": lambda _: RougeLsum(),
    "chrf": lambda _: Chrf(),
    "length_ratio": lambda _: LengthRatio(),
    "perplexity": lambda _: Perplexity(),
    "accuracy": lambda needs: Accuracy(needs.wanted_labels()),
    "macro_f1": lambda needs: MacroF1(needs.wanted_labels()),
    "weighted_f1": lambda needs: WeightedF1(needs.wanted_labels()),
    "invalid_label_rate": lambda needs: InvalidLabelRate(needs.wanted_labels()),
    "entity_f1": lambda _: EntityF1(),
    "entity_precision": lambda _: EntityPrecision(),
    "entity_recall": lambda _: EntityRecall(),
    "hallucinated_entities": lambda _: HallucinatedEntities(),
    "json_valid": lambda _: JsonValid(),
    "schema_valid": lambda needs: SchemaValid(_schema(needs.settings.answer_schema)),
    "tool_call_match": lambda _: ToolCallMatch(),
    "tool_name_match": lambda _: ToolNameMatch(),
    "tool_call_valid": lambda _: ToolCallValid(),
    "execution_accuracy": lambda needs: ExecutionAccuracy(
        needs.database(), needs.settings.query_timeout_s
    ),
    "valid_query": lambda needs: ValidQuery(needs.database(), needs.settings.query_timeout_s),
    "ast_match": lambda needs: AstMatch(needs.dialect()),
    "compiles": lambda _: Compiles(),
}


def metrics_for(
    task: TaskChoice, settings: EvaluationSettings, labels: Sequence[str], samples: int
) -> list[Metric]:
    """Make the metrics of an evaluation, the primary one first.

    Args:
        task: Kind of task; its own metrics come first.
        settings: Further metrics, and what metrics need.
        labels: The label set; empty unless a classification.
        samples: Further answers of each row.

    Raises:
        ConfigurationError: Lists every metric that is unknown or lacks what it needs.
    """
    names = list(_names(task, settings, samples))
    if settings.primary_metric != "auto":
        names.insert(0, _full_name(settings.primary_metric, settings))
    tests = read_tests(Path(settings.code_tests)) if settings.code_tests else None
    needs = _Needs(settings, labels, samples, tests)
    metrics: list[Metric] = []
    lacking: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        try:
            metrics.append(_made(name, needs))
        except ConfigurationError as error:
            for problem in error.problems:
                lacking.setdefault(problem, []).append(name)
    problems = [f"{', '.join(named)}: {problem}" for problem, named in lacking.items()]
    problems += _too_many(settings, samples)
    problems = problems or [*_clashes(metrics), *_gate_problems(metrics, settings)]
    if problems:
        raise ConfigurationError(problems)
    return metrics


def _too_many(settings: EvaluationSettings, samples: int) -> Iterator[str]:
    """What was asked for by name and cannot be had from so few answers."""
    if "pass_k" in settings.model_fields_set:
        for k in settings.pass_k:
            if k > max(1, samples):
                yield (
                    f"pass_k: {k} needs {k} samples of each row, and there are {samples}. Predict "
                    "with a larger setting of samples."
                )


def _clashes(metrics: Sequence[Metric]) -> Iterator[str]:
    counts = Counter(metric.name for metric in metrics)
    yield from (
        f"metrics: {name!r} is the name of two metrics. Rename your function."
        for name, count in counts.items()
        if count > 1 or name == JUDGE_METRIC
    )


def _gate_problems(metrics: Sequence[Metric], settings: EvaluationSettings) -> Iterator[str]:
    known = {metric.name for metric in metrics}
    known |= {JUDGE_METRIC} if settings.judge.model else set()
    for name in (*settings.gate.at_least, *settings.gate.at_most):
        if name not in known:
            yield (
                f"gate: {name!r} is not measured.{suggestion(name, known)} Measured: "
                f"{', '.join(sorted(known))}; name more under `metrics`."
            )


def _full_name(name: str, settings: EvaluationSettings) -> str:
    """A metric's name; that of a user's function with the place that it comes from."""
    return next((own for own in settings.own_metrics if own.endswith(f":{name}")), name)


def _names(task: TaskChoice, settings: EvaluationSettings, samples: int) -> Iterator[str]:
    if task.kind == "query" and settings.database:
        yield from ("execution_accuracy", "valid_query")
    if task.kind == "query" and task.sql:
        yield "ast_match"
    if task.kind == "code":
        yield from (f"pass_at_{k}" for k in settings.pass_k if k <= max(1, samples))
    yield from OF_TASK[task.kind]
    if settings.answer_schema:
        yield from ("json_valid", "schema_valid")
    yield from settings.metrics
    yield "perplexity"


def _made(name: str, needs: _Needs) -> Metric:
    if ":" in name:
        return custom_metric(name)
    k = pass_at(name)
    return _MADE[name](needs) if k is None else needs.pass_at(k)


def _schema(path: str) -> dict[str, Any]:
    try:
        schema = json.loads(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"answer_schema: {path} cannot be read: {error}") from error
    if not isinstance(schema, dict):
        raise ConfigurationError(f"answer_schema: {path} is no JSON object.")
    return schema
