"""The metrics by name: which a task has, and what each needs; light, so that it is read early."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tuneline.settings import suggestion

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from tuneline.evaluation.settings import EvaluationSettings

JUDGE_METRIC = "judge_win_rate"
"""Name of a judge model's preference, which is no metric of single rows."""

_CLASSES = ("accuracy", "macro_f1", "weighted_f1", "invalid_label_rate")
OF_TASK: dict[str, tuple[str, ...]] = {
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
"""Metrics of each task, the one that decides first; queries and code have more on top."""

NEEDS = {
    "execution_accuracy": "database",
    "valid_query": "database",
    "schema_valid": "answer_schema",
}
"""The setting without which a metric cannot be measured."""

METRICS = frozenset(
    {*(name for names in OF_TASK.values() for name in names), *NEEDS}
    | {"ast_match", "contains", "perplexity"}
)
"""Every metric that has a name of its own; pass_at_K and users' functions come beside them."""

RATIOS = frozenset({"perplexity", "length_ratio"})
"""Metrics that are no shares between 0 and 1."""

LOWER_IS_BETTER = frozenset({"perplexity", "invalid_label_rate", "hallucinated_entities"})

_PASS_AT = re.compile(r"pass_at_[1-9][0-9]*")


def pass_at(name: str) -> int | None:
    """The k of ``pass_at_k``; None for other names."""
    return int(name.removeprefix("pass_at_")) if _PASS_AT.fullmatch(name) else None


def name_problems(settings: EvaluationSettings) -> Iterator[str]:
    """What is wrong with the metrics that are named, as far as it shows without the data."""
    own = {name.rpartition(":")[2] for name in settings.own_metrics}
    chosen = [*settings.metrics]
    chosen += [settings.primary_metric] if settings.primary_metric != "auto" else []
    named = [name for name in dict.fromkeys(chosen) if ":" not in name and name not in own]
    known = {*METRICS, *own}
    unknown = [name for name in named if name not in known and pass_at(name) is None]
    yield from (f"{name}: there is no such metric.{_hint(name, known)}" for name in unknown)
    if unknown:
        yield f"Metrics: {', '.join(sorted(known))}, pass_at_K, or your own as file.py:function."
    for name in named:
        if name not in unknown:
            yield from _problems_of(name, settings)
    yield from _gate_problems(settings, {*known, JUDGE_METRIC})
    if settings.task == "code" or settings.code_tests:
        yield from _problems_of("pass_at_1", settings)


def _hint(name: str, known: Collection[str]) -> str:
    """The nearest name, however people write it: ``pass@1``, ``rougeL``."""
    plain = name.lower().replace("@", "_at_").replace("-", "_").replace(" ", "_")
    if pass_at(plain) is not None:
        return f" Did you mean '{plain}'?"
    return suggestion(plain, known)


def _gate_problems(settings: EvaluationSettings, known: Collection[str]) -> Iterator[str]:
    gate = settings.gate
    for field, bounds in (("at_least", gate.at_least), ("at_most", gate.at_most)):
        for name, bound in bounds.items():
            where = f"gate: {field}: {name}:"
            if name not in known and pass_at(name) is None:
                yield f"{where} there is no such metric.{_hint(name, known)}"
            elif name == JUDGE_METRIC and not settings.judge.model:
                yield f"{where} needs `judge.model`, the model that is asked."
            elif name in LOWER_IS_BETTER and field == "at_least":
                yield f"{where} less is better. Give it under `at_most`."
            elif (name in METRICS and name not in RATIOS) and not 0 <= bound <= 1:
                yield f"{where} is a share between 0 and 1, not {bound:g}: 0.9 for 90 %."
    if settings.primary_metric not in RATIOS and not settings.own_metrics and abs(gate.margin) >= 1:
        yield f"gate: margin: is a share between -1 and 1, not {gate.margin:g}: 0.02 for 2 points."
    if gate.max_slice_loss is not None and not settings.slices:
        yield "gate: max_slice_loss: needs `slices`."


def _problems_of(name: str, settings: EvaluationSettings) -> Iterator[str]:
    if pass_at(name) is not None:
        if not settings.code_tests:
            yield f"{name}: needs `code_tests`, a file with the tests of each prompt."
        if not settings.allow_code_execution:
            yield (
                f"{name}: runs programs that a model wrote. Set `allow_code_execution: true` where "
                "that is acceptable; they run in a sandbox."
            )
    elif name == "length_ratio" == settings.primary_metric:
        yield f"primary_metric: {name} is best near 1, so it cannot tell the better answer."
    elif name in NEEDS and not getattr(settings, NEEDS[name]):
        yield f"{name}: needs `{NEEDS[name]}`, a file."
