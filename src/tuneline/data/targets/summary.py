"""What a target makes of a data set: its statistics, cost, warnings and refusals in one model.

The statistics carry the names of the service's own ``SupervisedTuningDataStats``, so that what is
said here before a job and what the service says after it can be compared field by field.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from tuneline.data.targets.dataset import DatasetFacts, SplitFacts, dataset_findings
from tuneline.data.targets.limits import RULES
from tuneline.data.targets.price import Cost, price, price_sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tuneline.data.checks.finding import Finding
    from tuneline.data.checks.rule import Severity
    from tuneline.data.targets.catalogue import ModelEntry
    from tuneline.data.targets.kinds import Kinds
    from tuneline.data.targets.tokens import Counts, TokenCounter

_BUCKETS = 10


class _ServiceModel(BaseModel):
    """Field names in camel case where the model is written, as the service writes them."""

    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True
    )


class Bucket(_ServiceModel):
    """How many examples lie between two values; ``right`` counts in the last bucket only."""

    count: int
    left: float
    right: float


class Distribution(_ServiceModel):
    """How a number is spread over the examples."""

    sum: int
    min: int
    max: int
    mean: float
    median: float
    p5: float
    p95: float
    buckets: list[Bucket]

    @classmethod
    def of(cls, values: np.ndarray[Any, Any]) -> Distribution | None:
        """The distribution of some numbers, or None where there are none."""
        if not len(values):
            return None
        p5, median, p95 = np.percentile(values, [5, 50, 95]).tolist()
        counts, edges = np.histogram(values, bins=_BUCKETS)
        return cls(
            sum=int(values.sum(dtype=np.int64)),
            min=int(values.min()),
            max=int(values.max()),
            mean=float(values.mean(dtype=np.float64)),
            median=median,
            p5=p5,
            p95=p95,
            buckets=[
                Bucket(count=count, left=left, right=right)
                for count, left, right in zip(
                    counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True
                )
            ],
        )


class TuningDataStats(_ServiceModel):
    """Statistics of the training split, by the service's names.

    Attributes:
        tuning_dataset_example_count: Rows of the training split.
        total_tuning_character_count: Their characters.
        total_billable_token_count: Their tokens, times the epochs where they are set.
        tuning_step_count: Steps, None: the service does not say how large its batches are.
        user_input_token_distribution: Tokens of everything before the answer.
        user_output_token_distribution: Tokens of the answer.
        user_message_per_example_distribution: Turns.
        total_truncated_example_count: Rows kept aside since the target would drop them.
        dropped_example_reasons: Why, with the number of rows.
    """

    tuning_dataset_example_count: int
    total_tuning_character_count: int
    total_billable_token_count: int
    tuning_step_count: int | None
    user_input_token_distribution: Distribution | None
    user_output_token_distribution: Distribution | None
    user_message_per_example_distribution: Distribution | None
    total_truncated_example_count: int
    dropped_example_reasons: list[str]


class TargetSummary(BaseModel):
    """What a target makes of a data set.

    Attributes:
        model: Id of the target.
        engine: The managed service's kind of tuning.
        catalogue_as_of: The day of what is known of it.
        catalogue_source: The page of it.
        token_counter: Who counted the tokens.
        token_counter_says: How, and what it leaves out.
        tokens: Tokens of the training split, once.
        tokens_at_least: Those that are certain.
        epochs: How often they are trained on; None where the service chooses.
        statistics: Statistics by the service's names.
        cost: Cost of tuning, of one epoch where ``epochs`` is None; None where it is unknown.
        cost_usd_at_least: The cost of the tokens that are certain.
        cost_says: The cost in a sentence, with the day and page of its price, or what is not known.
        warnings: What to know before submitting.
        would_be_refused: Why the service would refuse the data set; empty where it would take it.
        notes: What the catalogue adds.
    """

    model_config = ConfigDict(frozen=True)

    model: str
    engine: str
    catalogue_as_of: dt.date
    catalogue_source: str
    token_counter: str
    token_counter_says: str
    tokens: int
    tokens_at_least: int
    epochs: int | None
    statistics: TuningDataStats
    cost: Cost | None
    cost_usd_at_least: float | None
    cost_says: str
    warnings: list[str]
    would_be_refused: list[str]
    notes: list[str]


@dataclass(frozen=True, slots=True)
class SplitNumbers:
    """One split in numbers, one entry a row.

    Attributes:
        prompt_tokens: Tokens before the answer.
        answer_tokens: Tokens of the answer.
        kinds: What `kinds_of` gave.
        turns: Turns, None where they were not counted.
        characters: Characters of all rows.
        file_bytes: Bytes of the JSONL file to submit; 0 where none was written.
    """

    prompt_tokens: Counts
    answer_tokens: Counts
    kinds: Kinds
    turns: np.ndarray[Any, Any] | None = None
    characters: int = 0
    file_bytes: int = 0

    @property
    def facts(self) -> SplitFacts:
        """What the limits of a whole data set are judged by."""
        return SplitFacts.of(self.kinds, self.file_bytes)

    @property
    def tokens(self) -> int:
        """Tokens of all rows."""
        prompt = self.prompt_tokens.sum(dtype=np.int64)
        return int(prompt + self.answer_tokens.sum(dtype=np.int64))


def check_target(
    entry: ModelEntry,
    counter: TokenCounter,
    train: SplitNumbers,
    validation: SplitNumbers | None = None,
    *,
    rejected: Mapping[str, int],
    epochs: int | None = None,
    today: dt.date,
) -> TargetSummary:
    """Judge a prepared data set by its target.

    Args:
        entry: The target.
        counter: Who counted the tokens.
        train: The training split.
        validation: The validation split, if there is one.
        rejected: Rows kept aside by code of the first rule that each broke; other rules than the
            target's are left out.
        epochs: Epochs to be trained; None where the service chooses.
        today: The day to judge retirement by.
    """
    facts = DatasetFacts(train.facts, validation.facts if validation else None)
    findings = dataset_findings(entry, facts)
    tokens = train.tokens
    cost = price(entry, tokens, epochs or 1)
    share = counter.certain_share
    gone, of_model = entry.is_retired(today), entry.warnings(today)
    return TargetSummary(
        **_about(entry, counter),
        tokens=tokens,
        tokens_at_least=int(tokens * share),
        epochs=epochs,
        statistics=_statistics(train, epochs, rejected),
        cost=cost,
        cost_usd_at_least=cost.usd * share if cost else None,
        cost_says=price_sentence(entry, tokens, epochs, certain_share=share),
        warnings=[*([] if gone else of_model), *_sentences(findings, "warn")],
        would_be_refused=[*(of_model if gone else []), *_sentences(findings, "error")],
    )


def _about(entry: ModelEntry, counter: TokenCounter) -> dict[str, Any]:
    return {
        "model": entry.id,
        "engine": entry.engine,
        "catalogue_as_of": entry.as_of,
        "catalogue_source": entry.source,
        "token_counter": counter.name,
        "token_counter_says": counter.stated,
        "notes": list(entry.notes),
    }


def _sentences(findings: list[Finding], severity: Severity) -> list[str]:
    return [finding.sentence for finding in findings if finding.severity == severity]


_OWN_LIMITS = ("too_many_tokens", "template_refuses_chat")
_TARGET_CODES = {rule.code: rule.sentence for rule in RULES if rule.code not in _OWN_LIMITS}


def _statistics(
    train: SplitNumbers, epochs: int | None, rejected: Mapping[str, int]
) -> TuningDataStats:
    dropped = {code: count for code, count in rejected.items() if code in _TARGET_CODES and count}
    return TuningDataStats(
        tuning_dataset_example_count=len(train.kinds),
        total_tuning_character_count=train.characters,
        total_billable_token_count=train.tokens * (epochs or 1),
        tuning_step_count=None,
        user_input_token_distribution=Distribution.of(train.prompt_tokens),
        user_output_token_distribution=Distribution.of(train.answer_tokens),
        user_message_per_example_distribution=(
            None if train.turns is None else Distribution.of(train.turns)
        ),
        total_truncated_example_count=sum(dropped.values()),
        dropped_example_reasons=[
            f"{code}: {count:,} rows. {_TARGET_CODES[code]}" for code, count in dropped.items()
        ],
    )
