"""How a pipeline runs on Vertex AI: where, as whom, and how long it is waited for."""

from __future__ import annotations

import re
import zoneinfo
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from tuneline.errors import ConfigurationError
from tuneline.submission.patience import Patience
from tuneline.vertex.place import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

_REQUIRED = {
    "project": "GOOGLE_CLOUD_PROJECT",
    "location": "GOOGLE_CLOUD_LOCATION",
    "staging": "TUNELINE_STAGING",
}
_FORMS = {
    "project": (r"[a-z0-9][a-z0-9:.-]{2,61}", "my-project"),
    "location": (r"[a-z]+-[a-z]+\d+", "us-central1"),
    "staging": (r"gs://[a-z0-9][a-z0-9._-]{1,220}[a-z0-9](/[^\s*?\[\]#]*)?", "gs://bucket/prefix"),
    "service_account": (
        r"[^@\s]+@[^@\s]+\.gserviceaccount\.com",
        "pipelines@my-project.iam.gserviceaccount.com",
    ),
    "network": (
        r"projects/[^/\s]+/global/networks/[a-z]([a-z0-9-]*[a-z0-9])?",
        "projects/12345/global/networks/my-network",
    ),
    "encryption_key": (
        r"projects/[^/\s]+/locations/[^/\s]+/keyRings/[^/\s]+/cryptoKeys/[^/\s]+",
        "projects/P/locations/L/keyRings/R/cryptoKeys/K",
    ),
    # With what is added to it, it is the run's id, of which the service takes 128 characters.
    "name": (r"[a-z][a-z0-9-]{0,104}", "tickets-weekly"),
}
_LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
_MOST_LABELS = 64
_CRON = re.compile(r"(?:(?:CRON_)?TZ=(?P<zone>\S+) )?[\dA-Z*/,-]+(?: [\dA-Z*/,-]+){4}")


class VertexRun(Patience):
    """A run's place and identity, and how long it is waited for.

    Attributes:
        project: Google Cloud project that pays.
        location: Region that the pipeline runs in.
        staging: Folder of a bucket, ``gs://bucket/prefix``, for local data and for results.
        service_account: Account that the tasks run as; empty: the project's default.
        network: VPC network that the tasks are peered with.
        encryption_key: Customer-managed key, in the run's location.
        labels: Labels of the run.
        name: Name that is shown, and that the run's id starts with; empty: the pipeline's.
        cache: Whether tasks whose inputs did not change are skipped, as the pipeline says.
        fail_fast: Start no further task after one failed.
        schedule: Cron expression, in UTC or after ``TZ=Area/City``; empty: run once, now.
        max_runs: Runs of the schedule; 0: without end.
        max_concurrent: Runs of the schedule at one time.
        wait: Follow the run to its end.
    """

    project: str = ""
    location: str = ""
    staging: str = ""
    service_account: str = ""
    network: str = ""
    encryption_key: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    name: str = ""
    cache: bool = True
    fail_fast: bool = False
    schedule: str = ""
    max_runs: int = Field(default=0, ge=0)
    max_concurrent: int = Field(default=1, ge=1)
    wait: bool = False

    @property
    def place(self) -> Place:
        """Project and location."""
        return Place(self.project, self.location)

    @property
    def folder(self) -> str:
        """``staging`` without a slash at its end."""
        return self.staging.rstrip("/")

    @model_validator(mode="after")
    def _gather_problems(self) -> VertexRun:
        problems = [
            *self._form_problems(),
            *self._label_problems(),
            *self._schedule_problems(),
        ]
        if problems:
            raise ConfigurationError(problems)
        return self

    def _form_problems(self) -> Iterator[str]:
        for name, (form, example) in _FORMS.items():
            value = getattr(self, name)
            if not value and name in _REQUIRED:
                yield f"{name}: is required. Give --{name} or set {_REQUIRED[name]}."
            elif value and not re.fullmatch(form, value):
                yield f"{name}: must be like {example}, not {value!r}."
        if self.encryption_key and f"/locations/{self.location}/" not in self.encryption_key:
            yield f"encryption_key: must lie in the run's location, {self.location or 'not given'}."

    def _label_problems(self) -> Iterator[str]:
        if len(self.labels) > _MOST_LABELS:
            yield f"labels: {len(self.labels)} are too many; the most is {_MOST_LABELS}."
        for key, value in self.labels.items():
            if not _LABEL_KEY.fullmatch(key) or not _LABEL_VALUE.fullmatch(value):
                yield (
                    f"labels.{key}: a label is a lower-case letter, then up to 62 of a-z, 0-9, _ "
                    "and -; its value up to 63 of them."
                )

    def _schedule_problems(self) -> Iterator[str]:
        if not self.schedule:
            limits = {"max_runs": self.max_runs, "max_concurrent": self.max_concurrent - 1}
            yield from (f"{name}: needs schedule." for name, given in limits.items() if given)
            return
        if self.wait:
            yield "schedule: excludes wait, since its runs start later. Choose one."
        found = _CRON.fullmatch(self.schedule)
        if found is None:
            yield (
                "schedule: must be five fields (minute, hour, day of the month, month, day of the "
                f"week), such as '0 6 * * 1', not {self.schedule!r}."
            )
        elif found["zone"] and found["zone"] not in zoneinfo.available_timezones():
            yield f"schedule: there is no time zone {found['zone']!r}; one is 'Europe/Berlin'."
