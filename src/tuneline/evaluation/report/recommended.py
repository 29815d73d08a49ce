"""What the evaluation recommends, in plain words, for the page and for the summary."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tuneline.evaluation.verdict import Verdict


class Recommendation(NamedTuple):
    """A sentence around a candidate's name, and the badge at that name in the table.

    Attributes:
        before: What stands before the name; the whole sentence where there is no name.
        name: The candidate; empty for none.
        after: What stands behind the name, with its first sign.
        badge: Few words.
    """

    before: str
    name: str
    after: str
    badge: str


def recommendation(verdict: Verdict) -> Recommendation:
    """The sentence that fits how the recommended candidate came to be it."""
    name = verdict.recommended
    if not name:
        return Recommendation("No candidate is recommended.", "", "", "")
    if name == verdict.winner:
        return Recommendation(
            "Recommended:",
            name,
            ", the cheapest tuned candidate that holds every rule and is not significantly worse "
            "than the best of those.",
            "recommended",
        )
    if verdict.candidate(name).kind == "baseline":
        return Recommendation(
            "Recommended:",
            name,
            ", the cheapest candidate that may be used and is not significantly worse than the "
            "best of those. A tuned candidate may be used where it holds every rule.",
            "recommended",
        )
    return Recommendation(
        "The cheapest of the best:",
        name,
        " costs least of the candidates that are not significantly worse than the best. It may not "
        "be registered, since not every rule holds.",
        "cheapest of the best",
    )
