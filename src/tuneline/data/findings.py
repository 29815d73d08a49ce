"""What a person should look at, though the run goes on: sentences about the data set as a whole."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tuneline.data import label_findings as of_labels
from tuneline.data.checks import boilerplate
from tuneline.data.checks.answers import answer_finding
from tuneline.data.checks.finding import Finding
from tuneline.data.checks.table import RULES
from tuneline.data.duplicates.conflicts import conflict_findings
from tuneline.data.duplicates.near import cluster_findings
from tuneline.data.label_findings import label_counts, label_findings
from tuneline.data.settings import severities
from tuneline.data.split.names import SPLITS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tuneline.data.checks.rule import Severity
    from tuneline.data.collection import Collection
    from tuneline.data.plan import Plan
    from tuneline.data.settings import PrepareSettings

_LEAKS = {
    "also_in_test": "are also in the test file",
    "also_in_validation": "are also in the validation file",
    "prompt_in_test": "have a prompt that is also in the test file",
    "prompt_in_validation": "have a prompt that is also in the validation file",
    "group_in_test": "are of a group that is also in the test file",
    "group_in_validation": "are of a group that is also in the validation file",
    "near_duplicate_in_test": "have almost the same prompt as a row of the test file",
    "near_duplicate_in_validation": "have almost the same prompt as a row of the validation file",
}
_OF_THE_WHOLE = {
    "large_cluster",
    *(rule.code for rule in (*boilerplate.RULES, *of_labels.RULES)),
}
_LONG_ANSWERS = "completion_in_prompt"


def make_findings(settings: PrepareSettings, collection: Collection, plan: Plan) -> list[Finding]:
    """Everything to look at, the gravest first; rules that are ``off`` say nothing."""
    chosen = severities(settings.rules)
    found = [
        *_rejected(collection),
        *_leaks(collection, plan),
        *_of_labels(settings, plan),
        *_of_clusters(plan),
        *_of_rules(collection),
        *_of_sources(collection),
    ]
    return [_graded(finding, chosen) for finding in found if chosen.get(finding.code) != "off"]


def _graded(finding: Finding, chosen: Mapping[str, Severity]) -> Finding:
    """The finding as an error where its rule is one and judges the data set, not its rows."""
    is_error = finding.code in _OF_THE_WHOLE and chosen[finding.code] == "error"
    return replace(finding, severity="error" if is_error else "warn")


def _rejected(collection: Collection) -> Iterator[Finding]:
    reasons = collection.rejections()
    if reasons:
        counts = ", ".join(f"{reason} {count}" for reason, count in reasons)
        first = collection.first_problems()[0]
        sentence = (
            f"{collection.rejected.total()} rows were rejected ({counts}). The first: {first}"
        )
        yield Finding("rejected", "warn", sentence)


def _leaks(collection: Collection, plan: Plan) -> Iterator[Finding]:
    gone = plan.gone()
    for code, words in _LEAKS.items():
        if count := gone.get(code):
            first = ", ".join(f"{row.source}:{row.row}" for row in collection.first[code])
            sentence = f"{count} rows {words} and were left out here; the first: {first}."
            yield Finding(code, "warn", sentence)


def _of_labels(settings: PrepareSettings, plan: Plan) -> Iterator[Finding]:
    if plan.task != "classification" or plan.codes is None:
        return
    if plan.conflicts is not None:
        severity = severities(settings.rules)["conflicting_label"]
        yield from conflict_findings(plan.conflicts, severity)
    yield from label_findings(label_counts(plan.names, plan.codes, plan.fates))


def _of_clusters(plan: Plan) -> Iterator[Finding]:
    if plan.clusters is not None:
        yield from cluster_findings(plan.clusters[plan.kept])


def _of_rules(collection: Collection) -> Iterator[Finding]:
    """Rows that break a rule and were kept, one finding for each rule."""
    for code, count in sorted(collection.warned.items(), key=lambda item: (-item[1], item[0])):
        if code == _LONG_ANSWERS:
            finding = answer_finding(count, len(collection))
            if finding is not None:
                yield finding
            continue
        first = collection.first[code][0]
        rule = RULES[code]
        sentence = f"{count} rows, {code}: {rule.sentence} {rule.fix} The first: {first}"
        yield Finding(code, "warn", sentence)


def _of_sources(collection: Collection) -> Iterator[Finding]:
    for tally in collection.tallies:
        finding = tally.boilerplate.finding()
        if finding is not None:
            yield Finding(
                finding.code, finding.severity, f"{tally.source.name}: {finding.sentence}"
            )


def splits_of_labels(plan: Plan) -> dict[str, dict[str, int]]:
    """Examples of each label in each split, sorted by label, without labels that none has."""
    if plan.codes is None:
        return {}
    counts = label_counts(plan.names, plan.codes, plan.fates)
    return {
        name: dict(zip(SPLITS, column.tolist(), strict=True))
        for name, column in zip(counts.names, counts.by_split.T, strict=True)
        if column.any()
    }
