"""Which metrics a task has, and how they are made from the settings."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneline.errors import ConfigurationError
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
    from tuneline.evaluation.settings import EvaluationSettings
    from tuneline.evaluation.tasks import TaskChoice

JUDGE_METRIC = "judge_win_rate"
"""Name of a judge model's preference, which is no metric of single rows."""

_CLASSES = ("accuracy", "macro_f1", "weighted_f1", "invalid_label_rate")
_OF_TASK: dict[str, tuple[str, ...]] = {
    "classification": _CLASSES,
    "sentiment": _CLASSES,
    "entity_extraction": (
        "entity_f1",
        "entity_precision",
        "entity_recall",
        "hallucinated_entities",
        "json_valid",
        "exact_match",
    ),
    "summarization": ("rouge_l", "rouge_1", "rouge_2", "rouge_lsum", "chrf", "length_ratio"),
    "query": ("normalized_match", "exact_match", "token_f1"),
    "code": ("compiles", "exact_match"),
    "tool_calls": ("tool_call_match", "tool_name_match", "tool_call_valid"),
    "open_ended": ("token_f1", "chrf", "normalized_match", "exact_match"),
}


@dataclass(frozen=True, slots=True)
class _Needs:
    """What metrics are made from."""

    settings: EvaluationSettings
    labels: Sequence[str]
    samples: int

    def wanted_labels(self) -> Sequence[str]:
        if not self.labels:
            raise ConfigurationError(
                "there is no label set. Prepare the data as a classification, or choose other "
                "metrics."
            )
        return self.labels

    def database(self) -> Path:
        if not self.settings.database:
            raise ConfigurationError("needs `database`, the file that queries run on.")
        return Path(self.settings.database)

    def pass_at(self, k: int) -> Metric:
        settings = self.settings
        if not settings.code_tests:
            raise ConfigurationError("needs `code_tests`, a file with the tests of each prompt.")
        if not settings.allow_code_execution:
            raise ConfigurationError(
                "runs programs that a model wrote. Set `allow_code_execution: true` where that is "
                "acceptable; they run in a sandbox."
            )
        limits = Limits(
            wall_s=settings.code_timeout_s,
            cpu_s=math.ceil(settings.code_timeout_s),
            memory_bytes=settings.code_memory_mib * 2**20,
        )
        tests = read_tests(Path(settings.code_tests))
        return PassAtK(k, tests, limits, right_or_wrong=self.samples == 0)


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
    "ast_match": lambda needs: AstMatch(needs.settings.query_dialect),
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
        names.insert(0, settings.primary_metric)
    needs = _Needs(settings, labels, samples)
    metrics: list[Metric] = []
    problems: list[str] = []
    for name in dict.fromkeys(names):
        try:
            metrics.append(_made(name, needs))
        except ConfigurationError as error:
            problems.extend(f"{name}: {problem}" for problem in error.problems)
    problems = problems or [*_clashes(metrics), *_gate_problems(metrics, settings)]
    if problems:
        raise ConfigurationError(problems)
    return metrics


def _clashes(metrics: Sequence[Metric]) -> Iterator[str]:
    if metrics[0].name == "length_ratio":
        yield "primary_metric: length_ratio is best near 1, so it cannot tell the better answer."
    counts = Counter(metric.name for metric in metrics)
    yield from (
        f"metrics: {name!r} is the name of two metrics. Rename your function."
        for name, count in counts.items()
        if count > 1 or (name == JUDGE_METRIC)
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


def _names(task: TaskChoice, settings: EvaluationSettings, samples: int) -> Iterator[str]:
    if task.kind == "query" and settings.database:
        yield from ("execution_accuracy", "valid_query")
    if task.kind == "query" and task.sql:
        yield "ast_match"
    if task.kind == "code":
        yield from (f"pass_at_{k}" for k in settings.pass_k if k <= max(1, samples))
    yield from _OF_TASK[task.kind]
    if settings.answer_schema:
        yield from ("json_valid", "schema_valid")
    yield from settings.metrics
    yield "perplexity"


def _made(name: str, needs: _Needs) -> Metric:
    if ":" in name:
        return custom_metric(name)
    k = name.removeprefix("pass_at_")
    if k != name and k.isdecimal() and int(k) >= 1:
        return needs.pass_at(int(k))
    if name not in _MADE:
        raise ConfigurationError(
            f"there is no such metric.{suggestion(name, _MADE)} Known: "
            f"{', '.join(sorted(_MADE))}, pass_at_K, or your own as package.module:function."
        )
    return _MADE[name](needs)


def _schema(path: str) -> dict[str, Any]:
    if not path:
        raise ConfigurationError("needs `answer_schema`, a JSON Schema file.")
    try:
        schema = json.loads(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"answer_schema: {path} cannot be read: {error}") from error
    if not isinstance(schema, dict):
        raise ConfigurationError(f"answer_schema: {path} is no JSON object.")
    return schema
