"""Task, labels and fate of every example, decided once everything was read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from tuneline.data.checks.table import RULES
from tuneline.data.duplicates.conflicts import Conflicts, find_conflicts
from tuneline.data.duplicates.exact import DATA, PURPOSES, REASONS, find_clashes
from tuneline.data.duplicates.keys import NO_ROW
from tuneline.data.duplicates.near import NEAR_REASONS, near_clashes, near_clusters
from tuneline.data.labels import NO_LABEL
from tuneline.data.mixture import BY_CHOICE, outside_mixture, over_quota
from tuneline.data.problems import LeftOut
from tuneline.data.reading.result import SHOWN_A_CODE
from tuneline.data.rejections import require_few_rejected
from tuneline.data.settings import severities
from tuneline.data.split.assign import SplitPlan, assign
from tuneline.data.split.disjoint import prove_disjoint
from tuneline.data.split.names import SPLITS, TRAIN, SplitName
from tuneline.data.split.units import find_units
from tuneline.errors import DataError

if TYPE_CHECKING:
    from tuneline.data.collection import Collection
    from tuneline.data.duplicates.exact import Clashes
    from tuneline.data.problems import Kind
    from tuneline.data.schema import Task
    from tuneline.data.settings import PrepareSettings
    from tuneline.data.spool import Spool

MIN_EXAMPLES = 10
"""Fewer examples in all splits together prove nothing."""

_REJECTING = ("conflicting_label", *BY_CHOICE)
FATES: tuple[str, ...] = (*SPLITS, *REASONS[1:], *NEAR_REASONS[1:], *_REJECTING)
"""What becomes of an example, by number: its split, or the code of why it is in none."""

UNDECIDED = len(FATES)


class Gone(NamedTuple):
    """An example that is in no split."""

    kind: Kind
    reason: str
    message: str


@dataclass(slots=True)
class Plan:
    """What is to be written.

    Attributes:
        task: The task.
        why: The reason for it.
        fates: Number in `FATES` of each example.
        partners: An example that stays and that this one clashes with; `NO_ROW` for others.
        codes: Place in ``names`` of each example's label, or `NO_LABEL`; None for no labels.
        names: All labels.
        labels: Sorted label set of the training split; empty unless the task is a classification.
        clusters: Cluster of near duplicates of each example; None where they were not looked for.
        conflicts: Examples whose prompt has several labels.
    """

    task: Task
    why: str
    fates: np.ndarray
    partners: np.ndarray
    codes: np.ndarray | None
    names: tuple[str, ...]
    labels: tuple[str, ...]
    clusters: np.ndarray | None
    conflicts: Conflicts | None

    @property
    def kept(self) -> np.ndarray:
        """Which examples are in a split."""
        return self.fates < len(SPLITS)

    def rows(self, split: SplitName) -> int:
        """How many examples a split has."""
        return int(np.count_nonzero(self.fates == SPLITS.index(split)))

    def gone(self) -> dict[str, int]:
        """How many examples are in no split, by code."""
        counts = np.bincount(self.fates, minlength=len(FATES)).tolist()
        return {
            code: counts[number]
            for number, code in enumerate(FATES)
            if number >= len(SPLITS) and counts[number]
        }

    def label_column(self, begin: int, end: int) -> pa.Array | None:
        """Labels of some examples; None where there are no labels."""
        if self.codes is None:
            return None
        codes = self.codes[begin:end]
        places = pa.array(codes, mask=codes == NO_LABEL)
        return pa.array(self.names, pa.string()).take(places)

    def explain(self, numbers: np.ndarray, collection: Collection) -> list[Gone]:
        """Why examples are in no split."""
        partners = self.partners[numbers]
        fates = self.fates[numbers].tolist()
        # An example without a partner needs no place; the first one's stands in.
        others = np.where(partners == NO_ROW, 0, partners)
        stays = (self.fates[others] < len(SPLITS)).tolist()
        return [
            Gone(
                kind_of(FATES[fate]),
                FATES[fate],
                _SAID[fate].format(place, "is kept" if stay else "came first"),
            )
            for fate, place, stay in zip(fates, collection.places(others), stays, strict=True)
        ]


def _said(fate: str) -> str:
    """Why an example is in no split, with room for the place and the fate of the other one."""
    if kind_of(fate) == "rejected":
        sentence: str = RULES[fate].sentence
        return sentence
    shared = fate.split("_")[0]
    if shared in ("duplicate", "also"):
        return "is the same example as {}, which {}."
    if shared == "near":
        return "has almost the same prompt as {}, which {}."
    return f"shares its {shared} with {{}}, which is held out."


def kind_of(reason: str) -> Kind:
    """Whether an example that is in no split for this reason counts as rejected or duplicate."""
    return "rejected" if reason in _REJECTING else "duplicate"


_SAID: tuple[str, ...] = tuple("" if fate in SPLITS else _said(fate) for fate in FATES)


def show_gone(collection: Collection, plan: Plan) -> None:
    """Put the first examples of each code that are in no split among the rows that are shown."""
    for code in plan.gone():
        numbers = np.flatnonzero(plan.fates == FATES.index(code))[:SHOWN_A_CODE]
        places = zip(numbers.tolist(), plan.explain(numbers, collection), strict=True)
        for number, (kind, reason, message) in places:
            source = collection.tallies[collection.sources[number]].source.name
            row = int(collection.rows[number])
            collection.show(LeftOut(source, row, kind, reason, "", message, ""))


def make_plan(collection: Collection, settings: PrepareSettings, spool: Spool) -> Plan:
    """Decide task, labels and splits.

    Args:
        collection: Everything that was read.
        settings: What the user chose.
        spool: Where the signatures for near duplicates are.

    Raises:
        DataError: There are too few examples, prompts or labels.
    """
    planner = _Planner(collection, settings)
    planner.drop_clashes()
    planner.require_enough()
    task, why = collection.labels.decide(settings, planner.undecided)
    with_labels = task == "classification" or bool(settings.label_column)
    if settings.max_rows_per_label and not with_labels:
        raise DataError(
            f"max_rows_per_label: the task is {task} ({why}), which has no labels. Leave it out, "
            "or name label_column."
        )
    # Before near duplicates go, which could leave one of two contradicting rows.
    conflicts = planner.drop_conflicts() if task == "classification" else None
    clusters = planner.drop_near_duplicates(spool)
    planner.split(clusters, stratified=with_labels)
    planner.leave_out_by_choice()
    return Plan(
        task,
        why,
        planner.fates,
        planner.partners,
        collection.labels.codes if with_labels else None,
        collection.labels.names if with_labels else (),
        planner.trained_labels() if task == "classification" else (),
        clusters,
        conflicts,
    )


class _Planner:
    """Fills in the fates, one decision after the other."""

    def __init__(self, collection: Collection, settings: PrepareSettings) -> None:
        self._collection = collection
        self._settings = settings
        self._columns = collection.columns
        self._purposes = collection.purposes
        self.fates = np.full(len(collection), UNDECIDED, np.uint8)
        self.partners = np.full(len(collection), NO_ROW, np.int32)

    @property
    def undecided(self) -> np.ndarray:
        """Which examples may still be in a split."""
        found: np.ndarray = self.fates == UNDECIDED
        return found

    @property
    def _group_keys(self) -> np.ndarray | None:
        return self._columns["group_keys"] if self._settings.group_column else None

    def drop_clashes(self) -> None:
        """Duplicates, and what the user's own held-out files hold already."""
        held_out = bool((self._purposes != DATA).any())
        clashes = find_clashes(
            self._columns["content_keys"],
            # Without held-out files nothing can be shared with one.
            self._columns["prompt_keys"] if held_out else None,
            self._group_keys if held_out else None,
            self._purposes,
        )
        self._drop(clashes, REASONS)

    def drop_near_duplicates(self, spool: Spool) -> np.ndarray | None:
        """Find clusters, if they are wanted, and drop what they make a clash."""
        if self._settings.near_duplicates == "off":
            return None
        threshold = self._settings.near_duplicate_threshold
        clusters = near_clusters(spool.signature_paths, self.undecided, threshold)
        remove = self._settings.near_duplicates == "remove"
        self._drop(
            near_clashes(clusters, self._purposes, self.undecided, remove=remove), NEAR_REASONS
        )
        self.require_enough()
        return clusters

    def _drop(self, clashes: Clashes, reasons: tuple[str, ...]) -> None:
        fates = np.array([UNDECIDED, *(FATES.index(code) for code in reasons[1:])], np.uint8)
        gone = clashes.reasons > 0
        self.fates[gone] = fates[clashes.reasons[gone]]
        self.partners[gone] = clashes.partners[gone]

    def drop_conflicts(self) -> Conflicts | None:
        """Prompts with several labels; their rows go only where the rule is an error."""
        severity = severities(self._settings.rules)["conflicting_label"]
        if severity == "off":
            return None
        codes = self._collection.labels.codes
        conflicts = find_conflicts(self._columns["prompt_keys"], codes, self.undecided)
        if severity == "error":
            self.fates[conflicts.rows] = FATES.index("conflicting_label")
            require_few_rejected(
                self._collection,
                self._settings.max_rejected_share,
                conflicting=int(conflicts.rows.sum()),
            )
            self.require_enough()
        return conflicts

    def require_enough(self) -> None:
        """Refuse what was given and is empty by now, and too few examples in all."""
        collection = self._collection
        counts = np.bincount(collection.sources[self.undecided], minlength=len(collection.tallies))
        given: dict[tuple[str, str], list[int]] = {}
        for place, tally in enumerate(collection.tallies):
            given.setdefault((tally.source.purpose, tally.source.mixture), []).append(place)
        for (_, uri), places in given.items():
            if not counts[places].sum():
                tallies = [collection.tallies[place] for place in places]
                read = sum(tally.read for tally in tallies)
                rejected = sum(tally.rejected for tally in tallies)
                raise DataError(
                    f"{tallies[0].source.name if len(tallies) == 1 else uri}: none of its {read} "
                    f"rows can be kept ({rejected} rejected, {read - rejected} duplicates)."
                )
        if (count := int(counts.sum())) < MIN_EXAMPLES:
            names = ", ".join(tally.source.name for tally in collection.tallies)
            rejected = collection.rejected.total()
            raise DataError(
                f"{names}: {count} examples in all, and at least {MIN_EXAMPLES} are needed to "
                f"train, validate and test ({collection.read} rows read, {rejected} rejected, "
                f"{collection.read - rejected - count} duplicates). Give more rows."
            )

    def split(self, clusters: np.ndarray | None, *, stratified: bool) -> None:
        """Give every example that is left its split, and prove that nothing is in two."""
        own = self._purposes == DATA
        rows = np.flatnonzero(self.undecided & own).astype(np.int32)
        units = find_units(
            self._columns["prompt_keys"][rows],
            None if self._group_keys is None else self._group_keys[rows],
            None if clusters is None else clusters[rows],
        )
        held_out = {tally.source.purpose for tally in self._collection.tallies}
        settings = self._settings
        shares: dict[SplitName, float] = {
            "validation": 0 if "validation" in held_out else settings.validation_share,
            "test": 0 if "test" in held_out else settings.test_share,
        }
        self.fates[rows] = assign(
            units,
            SplitPlan(shares, settings.seed),
            self._collection.labels.codes[rows] if stratified else None,
            self._columns["times"][rows] if settings.time_column else None,
        )
        for number, purpose in enumerate(PURPOSES):
            if purpose != "data":
                self.fates[self.undecided & (self._purposes == number)] = SPLITS.index(purpose)
        self._prove_disjoint(clusters)

    def _prove_disjoint(self, clusters: np.ndarray | None) -> None:
        rows = np.flatnonzero(self.fates < len(SPLITS)).astype(np.int32)
        # One column after the other, so that only one is held.
        prove_disjoint(self.fates[rows], {"prompt": self._columns["prompt_keys"][rows]})
        if self._settings.group_column:
            prove_disjoint(self.fates[rows], {"group": self._columns["group_keys"][rows]})
        if clusters is not None:
            alike = rows[clusters[rows] != NO_ROW]
            prove_disjoint(self.fates[alike], {"near duplicate": clusters[alike]})

    def trained_labels(self) -> tuple[str, ...]:
        """The labels of the training split, sorted."""
        labels = self._collection.labels
        codes = np.unique(labels.codes[self.fates == TRAIN])
        return tuple(labels.names[code] for code in codes if code != NO_LABEL)

    def leave_out_by_choice(self) -> None:
        """Leave training rows out for the limit of labels, then for the mixture of the rest."""
        if self._settings.max_rows_per_label:
            self._limit_labels(self._settings.max_rows_per_label)
        if self._settings.mixture:
            self._leave_out_of_mixture()

    def _leave_out_of_mixture(self) -> None:
        """Leave training rows out until the sources have their proportions."""
        sources = [tally.source for tally in self._collection.tallies]
        weights = {source.mixture: source.weight for source in sources if source.purpose == "data"}
        names = list(weights)
        members = [
            names.index(source.mixture) if source.purpose == "data" else 0 for source in sources
        ]
        outside = outside_mixture(
            np.array(members)[self._collection.sources],
            self.fates == TRAIN,
            self._columns["content_keys"],
            weights,
            self._settings.seed,
        )
        self.fates[outside] = FATES.index("outside_mixture")

    def _limit_labels(self, most: int) -> None:
        """Leave training rows out of labels that have more than so many."""
        labels = self._collection.labels
        outside = over_quota(
            labels.codes,
            self.fates == TRAIN,
            self._columns["content_keys"],
            np.full(len(labels.names), most),
            self._settings.seed,
        )
        self.fates[outside] = FATES.index("over_label_limit")
