"""From what reading found out to what is told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tuneline.data.checks.table import RULES
from tuneline.data.duplicates.keys import NO_ROW
from tuneline.data.duplicates.minhash import PERMUTATIONS
from tuneline.data.duplicates.shingles import SHINGLE_CHARACTERS
from tuneline.data.findings import make_findings, splits_of_labels
from tuneline.data.lengths import Lengths
from tuneline.data.manifest import (
    Counts,
    Description,
    ExampleLengths,
    FindingSummary,
    NearDuplicates,
    RuleCount,
    SourceSummary,
)
from tuneline.data.plan import FATES, kind_of
from tuneline.data.settings import severities
from tuneline.data.split.names import SPLITS
from tuneline.data.targets.tokens import token_counter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tuneline.data.checks.finding import Finding
    from tuneline.data.collection import Collection, SourceTally
    from tuneline.data.plan import Plan
    from tuneline.data.settings import PrepareSettings
    from tuneline.data.targets.summary import TargetSummary

_METHOD = (
    f"MinHash of {PERMUTATIONS} permutations over shingles of {SHINGLE_CHARACTERS} characters of "
    "the prompt, without case, punctuation and what all prompts have in common"
)


def describe(
    settings: PrepareSettings,
    collection: Collection,
    plan: Plan | None,
    target: TargetSummary | None,
) -> Description:
    """Describe the data.

    Args:
        settings: What the user chose.
        collection: What reading found out.
        plan: What became of each example; None where nothing could be decided.
        target: What the target makes of it, where there is one.
    """
    findings = make_findings(settings, collection, plan) if plan else []
    return Description(
        sources=_sources(collection, plan),
        counts=_counts(collection, plan),
        rules=_rules(settings, collection, plan),
        masked=dict(sorted(collection.masked.items())),
        task=plan.task if plan else None,
        task_reason=plan.why if plan else "",
        labels=splits_of_labels(plan) if plan else {},
        near_duplicates=_near_duplicates(settings, plan) if plan else None,
        lengths=_lengths(settings, collection, plan),
        target=target,
        findings=[_summary(finding) for finding in findings],
    )


def _summary(finding: Finding) -> FindingSummary:
    return FindingSummary(code=finding.code, severity=finding.severity, sentence=finding.sentence)


def _gone(plan: Plan | None, kind: str) -> dict[str, int]:
    gone = plan.gone() if plan else {}
    return {code: count for code, count in gone.items() if kind_of(code) == kind}


def _counts(collection: Collection, plan: Plan | None) -> Counts:
    rejected, duplicates = _gone(plan, "rejected"), _gone(plan, "duplicate")
    return Counts(
        read=collection.read,
        kept=int(plan.kept.sum()) if plan else len(collection),
        rejected=collection.rejected.total() + sum(rejected.values()),
        duplicates=sum(duplicates.values()),
        per_split={split: plan.rows(split) for split in SPLITS} if plan else {},
        per_reason=dict(sorted({**collection.rejected, **rejected, **duplicates}.items())),
    )


def _sources(collection: Collection, plan: Plan | None) -> list[SourceSummary]:
    """The sources in the order in which the user gave them: data, validation, test."""
    kinds = np.array(
        [0] * len(SPLITS) + [1 + (kind_of(code) == "duplicate") for code in FATES[len(SPLITS) :]]
    )
    fates = kinds[plan.fates] if plan else np.zeros(len(collection), np.int64)
    cells = collection.sources.astype(np.int64) * 3 + fates
    counts = np.bincount(cells, minlength=3 * len(collection.tallies)).reshape(-1, 3)
    summaries = [
        _source(tally, *own) for tally, own in zip(collection.tallies, counts.tolist(), strict=True)
    ]
    order = ("data", "validation", "test")
    return sorted(summaries, key=lambda source: order.index(source.purpose))


def _source(tally: SourceTally, kept: int, rejected: int, duplicates: int) -> SourceSummary:
    return SourceSummary(
        purpose=tally.source.purpose,
        file=tally.source.name,
        sha256=tally.source.sha256,
        format=tally.format,
        shape=tally.shape.name,
        shape_reason=tally.shape.why,
        weight=tally.source.weight,
        rows=tally.read,
        kept=kept,
        rejected=tally.rejected + rejected,
        duplicates=duplicates,
        repeated_share=round(tally.boilerplate.share, 4),
    )


def _rules(settings: PrepareSettings, collection: Collection, plan: Plan | None) -> list[RuleCount]:
    """What each rule found, errors first."""
    chosen = severities(settings.rules)
    gone: Mapping[str, int] = plan.gone() if plan else {}
    errors = {**collection.rejected, **gone}
    found = [(code, "error", count) for code, count in errors.items()]
    found += [(code, "warn", count) for code, count in collection.warned.items()]
    order = {code: place for place, code in enumerate(chosen)}
    return [
        RuleCount(
            code=code,
            severity="error" if severity == "error" else "warn",
            rows=count,
            sentence=RULES[code].sentence,
            fix=RULES[code].fix,
        )
        for code, severity, count in sorted(found, key=lambda it: (it[1], order[it[0]]))
    ]


def _near_duplicates(settings: PrepareSettings, plan: Plan) -> NearDuplicates | None:
    if plan.clusters is None:
        return None
    own = plan.clusters[plan.kept]
    sizes = np.bincount(own[own != NO_ROW], minlength=1)
    several = sizes[sizes > 1]
    return NearDuplicates(
        threshold=settings.near_duplicate_threshold,
        method=_METHOD,
        clusters=len(several),
        rows=int(several.sum()),
        largest=int(several.max(initial=0)),
    )


def _lengths(
    settings: PrepareSettings, collection: Collection, plan: Plan | None
) -> ExampleLengths:
    chosen = plan.kept if plan else np.ones(len(collection), np.bool_)
    return ExampleLengths(
        **{
            field: Lengths.of(collection.columns[name][chosen]) for name, field in _MEASURED.items()
        },
        token_counter=token_counter(settings.tokenizer).name,
    )


_MEASURED = {
    "prompt_chars": "prompt",
    "answer_chars": "answer",
    "prompt_tokens": "prompt_tokens",
    "answer_tokens": "answer_tokens",
}
