"""manifest.json: what was read, what was kept, and what was written."""

# No postponed annotations here: pydantic needs the types of the fields at run time.
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

import tuneline
from tuneline.data.checks.rule import Severity
from tuneline.data.lengths import Lengths
from tuneline.data.rows.formats import Format
from tuneline.data.schema import Task
from tuneline.data.settings import PrepareSettings
from tuneline.data.shapes.marks import ShapeName
from tuneline.data.sources.source import Purpose
from tuneline.data.split.names import SplitName
from tuneline.data.targets.summary import TargetSummary

MANIFEST_VERSION = 2
"""It rises when a reader of the old manifest would misread the new one."""

_NOT_OF_THE_DATA = {
    "data",
    "validation_data",
    "test_data",
    "mixture",
    "catalogue",
    "tokenizer",
    "workers",
}
"""Settings that name places of a machine, or that change nothing in the files."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Producer(_Part):
    """Who wrote the files."""

    name: str = "tuneline"
    version: str = tuneline.__version__


class SourceSummary(_Part):
    """One source file; ``rows`` = ``kept`` + ``rejected`` + ``duplicates``.

    ``weight`` is its proportion in the mixture of training rows; ``repeated_share`` the share of
    its prompts' characters that is the same in every row.
    """

    purpose: Purpose
    file: str
    sha256: str
    format: Format
    shape: ShapeName
    shape_reason: str
    weight: float
    rows: int
    kept: int
    rejected: int
    duplicates: int
    repeated_share: float


class Counts(_Part):
    """The accounting: ``read`` = ``kept`` + ``rejected`` + ``duplicates``, blank lines aside.

    ``kept`` is the sum of ``per_split``, ``rejected`` + ``duplicates`` that of ``per_reason``.
    """

    read: int = 0
    kept: int = 0
    rejected: int = 0
    duplicates: int = 0
    per_split: dict[SplitName, int] = {}
    per_reason: dict[str, int] = {}


class RuleCount(_Part):
    """What one rule found; a rule that found nothing is not listed.

    ``rows`` were kept aside where the severity is ``error``, and kept where it is ``warn``.
    """

    code: str
    severity: Severity
    rows: int
    sentence: str
    fix: str


class FindingSummary(_Part):
    """Something about the data set as a whole that a person should look at."""

    code: str
    severity: Literal["error", "warn"]
    sentence: str


class WrittenFile(_Part):
    """One data file that was written."""

    rows: int
    bytes: int
    sha256: str


class ExampleLengths(_Part):
    """Lengths of the kept examples; a prompt is everything before the answer.

    ``token_counter`` says how tokens were counted.
    """

    prompt: Lengths = Lengths()
    answer: Lengths = Lengths()
    prompt_tokens: Lengths = Lengths()
    answer_tokens: Lengths = Lengths()
    token_counter: str = ""


class NearDuplicates(_Part):
    """Prompts that are alike: how they were looked for, and what was found among the kept rows.

    ``rows`` are those with at least one like them, in ``clusters``; ``method`` says how alike was
    measured.
    """

    threshold: float
    method: str
    clusters: int
    rows: int
    largest: int


class Description(_Part):
    """What is in the user's files, whether or not anything was written.

    Attributes:
        sources: The files read, in the order in which the user gave them.
        counts: The accounting; without ``per_split`` where nothing could be split.
        rules: What the rules found.
        masked: Replaced values by code.
        task: ``classification`` or ``generation``; None where the data could not be split.
        task_reason: Why.
        labels: Examples of each label in each split.
        near_duplicates: What was found; None where it was not looked for.
        lengths: Of the examples, in characters and tokens.
        target: What the target makes of the data; None without one.
        findings: What a person should look at.
    """

    sources: list[SourceSummary]
    counts: Counts
    rules: list[RuleCount]
    masked: dict[str, int]
    task: Task | None
    task_reason: str
    labels: dict[str, dict[SplitName, int]]
    near_duplicates: NearDuplicates | None
    lengths: ExampleLengths
    target: TargetSummary | None
    findings: list[FindingSummary]

    @property
    def refusals(self) -> list[str]:
        """Why the data cannot be used as it is: the target would refuse it, or a rule does."""
        refused = [finding.sentence for finding in self.findings if finding.severity == "error"]
        if self.target is None:
            return refused
        model = self.target.model
        return [
            f"{model} would refuse this: {why}" for why in self.target.would_be_refused
        ] + refused

    @property
    def warnings(self) -> list[str]:
        """The sentences of the findings."""
        return [finding.sentence for finding in self.findings]


class Manifest(Description):
    """Everything that a later stage or a person may ask about prepared data.

    Attributes:
        schema_version: `MANIFEST_VERSION`.
        producer: Name and version of the program.
        parameters: The settings, without those that name places.
        files: What was written, by ``train``, ``validation``, ``test``, ``rejected`` and the names
            of exported files.
    """

    schema_version: int = MANIFEST_VERSION
    producer: Producer = Producer()
    parameters: dict[str, Any]
    files: dict[str, WrittenFile]


def manifest_of(
    settings: PrepareSettings, description: Description, files: Mapping[str, WrittenFile]
) -> Manifest:
    """The manifest of files that were written."""
    parameters = settings.model_dump(exclude=_NOT_OF_THE_DATA)
    return Manifest(**dict(description), parameters=parameters, files=dict(files))
