"""What the rules found, with rows to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tuneline.data.duplicates.exact import REASONS
from tuneline.data.duplicates.near import NEAR_REASONS
from tuneline.data.report.wording import SHOWN_TEXT
from tuneline.report.shown import shown
from tuneline.report.words import name_of, sentence_of

if TYPE_CHECKING:
    from tuneline.data.collection import Collection
    from tuneline.data.manifest import FindingSummary, Manifest, RuleCount
    from tuneline.data.problems import Kind, LeftOut

SHOWN_FINDINGS = 40
_REJECTED = "rejected"
_DUPLICATES = {*REASONS[1:], *NEAR_REASONS[1:]}


class RowView(NamedTuple):
    """One row that a rule found."""

    place: str
    field: str
    message: str
    text: str


class RuleView(NamedTuple):
    """One rule, and the first rows that it found."""

    rule: RuleCount
    rows: list[RowView]


class FindingView(NamedTuple):
    """One thing to look at; ``link`` is the place on the page that shows more of it."""

    code: str
    severity: str
    sentence: str
    link: str


class FindingsView(NamedTuple):
    """The gravest things to look at, and how many more there are."""

    first: list[FindingView]
    hidden: int


def findings_view(manifest: Manifest) -> FindingsView:
    """What to look at in the data and before submitting them, errors before warnings."""
    codes = {rule.code for rule in manifest.rules}
    found = [
        FindingView(finding.code, finding.severity, finding.sentence, _link(finding, codes))
        for finding in manifest.findings
    ]
    if target := manifest.target:
        for severity, sentences in (("error", target.would_be_refused), ("warn", target.warnings)):
            found += [FindingView(target.model, severity, said, "target") for said in sentences]
    found.sort(key=lambda finding: finding.severity != "error")
    return FindingsView(
        [one._replace(sentence=sentence_of(one.sentence)) for one in found[:SHOWN_FINDINGS]],
        max(0, len(found) - SHOWN_FINDINGS),
    )


def _link(finding: FindingSummary, codes: set[str]) -> str:
    if finding.code == _REJECTED:
        return "rules"
    return f"rule-{finding.code}" if finding.code in codes else ""


def rules_by_kind(manifest: Manifest, collection: Collection) -> dict[Kind, list[RuleView]]:
    """The rules that found something by what became of the rows, the most frequent first."""
    views: dict[Kind, list[RuleView]] = {"rejected": [], "duplicate": [], "warned": []}
    for rule in sorted(manifest.rules, key=lambda rule: -rule.rows):
        kind = _kind(rule)
        rows = [row for row in collection.first.get(rule.code, ()) if row.kind == kind]
        views[kind].append(RuleView(rule, [_row(row) for row in rows]))
    return views


def _kind(rule: RuleCount) -> Kind:
    if rule.severity == "warn":
        return "warned"
    return "duplicate" if rule.code in _DUPLICATES else "rejected"


def _row(row: LeftOut) -> RowView:
    return RowView(
        f"{name_of(row.source)}:{row.row}",
        name_of(row.field),
        shown(row.message, SHOWN_TEXT),
        shown(row.text, SHOWN_TEXT),
    )
