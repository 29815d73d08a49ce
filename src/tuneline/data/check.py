"""`tuneline check`: what `prepare` would say, without writing anything."""

# No postponed annotations here: pydantic needs the types of the fields at run time.
import tempfile
from pathlib import Path

from tuneline.data.describe import describe
from tuneline.data.manifest import Description
from tuneline.data.plan import make_plan, show_gone
from tuneline.data.reading.collect import collect, new_collection
from tuneline.data.reading.stages import target_entry
from tuneline.data.settings import PrepareSettings
from tuneline.data.sources.opened import opened
from tuneline.data.spool import Spool
from tuneline.data.targets.catalogue import ModelEntry
from tuneline.data.targets.judge import judge
from tuneline.errors import DataError
from tuneline.files import machine_errors


class CheckResult(Description):
    """What is in the user's files and whether they could be prepared.

    Attributes:
        passed: Whether `prepare` would accept them.
        failure: Why not; empty where it would.
        problems: The first rejected rows as ``file:row: field: message``.
    """

    passed: bool
    failure: str
    problems: list[str]


def check(settings: PrepareSettings) -> CheckResult:
    """Read and check every row of the user's files; nothing is written but temporary files.

    Args:
        settings: What to read and how.

    Raises:
        ConfigurationError: A file is missing, or a setting names nothing.
        MachineError: A file cannot be read.
        ServiceError: A remote file cannot be fetched.
    """
    entry = target_entry(settings)
    with tempfile.TemporaryDirectory() as folder, machine_errors(Path(folder)):
        return _check(settings, entry, Spool(Path(folder), keep_examples=False))


def _check(settings: PrepareSettings, entry: ModelEntry | None, spool: Spool) -> CheckResult:
    collection = new_collection(settings, spool)
    plan = target = None
    failure = ""
    try:
        with opened(settings.given) as sources:
            collect(settings, sources, spool, collection)
        plan = make_plan(collection, settings, spool)
    except DataError as error:
        failure = str(error)
    collection.columns.close()
    if plan is not None:
        show_gone(collection, plan)
        target = judge(entry, settings, collection, plan) if entry else None
    description = describe(settings, collection, plan, target)
    failure = failure or "\n".join(description.refusals)
    return CheckResult(
        **dict(description),
        passed=not failure,
        failure=failure,
        problems=[str(problem) for problem in collection.first_problems()],
    )
