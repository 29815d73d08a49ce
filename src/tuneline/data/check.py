"""`tuneline check`: what `prepare` would say, without writing anything."""

# No postponed annotations here: pydantic needs the types of the fields at run time.
from pydantic import BaseModel, ConfigDict

from tuneline.data.collector import Collector
from tuneline.data.findings import make_warnings
from tuneline.data.manifest import (
    Counts,
    ExampleLengths,
    SourceSummary,
    count,
    label_counts,
    measure,
    summarise_sources,
)
from tuneline.data.plan import make_plan
from tuneline.data.schema import Task
from tuneline.data.settings import PrepareSettings
from tuneline.data.sources import opened
from tuneline.data.split import SplitName
from tuneline.errors import DataError


class CheckResult(BaseModel):
    """What is in the user's files and whether they could be prepared.

    Attributes:
        passed: Whether `prepare` would accept them.
        failure: Why not; empty where it would.
        sources: The files read, as far as they were.
        counts: The accounting; split counts only where it passed.
        problems: The first rejected rows as ``file:row: field: message``.
        task: The task that was given or detected; ``None`` where it did not pass.
        task_reason: Why.
        labels: Examples of each label in each split.
        lengths: Characters of prompts and answers.
        warnings: Sentences for a person.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    passed: bool
    failure: str
    sources: list[SourceSummary]
    counts: Counts
    problems: list[str]
    task: Task | None
    task_reason: str
    labels: dict[str, dict[SplitName, int]]
    lengths: ExampleLengths
    warnings: list[str]


def check(settings: PrepareSettings) -> CheckResult:
    """Read and check every row of the user's files; nothing is written.

    Args:
        settings: What to read and how.

    Raises:
        ConfigurationError: A file is missing.
        MachineError: A file cannot be read.
        ServiceError: A remote file cannot be fetched.
    """
    collector = Collector(settings, keep=lambda _: None, leave_out=lambda _: None)
    collection = collector.collection
    plan, failure = None, ""
    with opened(settings.uris) as sources:
        try:
            collector.collect(sources)
            plan = make_plan(collection, settings)
        except DataError as error:
            failure = str(error)
    return CheckResult(
        passed=plan is not None,
        failure=failure,
        sources=summarise_sources(collection),
        counts=count(collection, plan),
        problems=[str(problem) for problem in collection.first_problems],
        task=plan.task if plan else None,
        task_reason=plan.why if plan else "",
        labels=label_counts(plan) if plan else {},
        lengths=measure(collection),
        warnings=make_warnings(collection, plan) if plan else [],
    )
