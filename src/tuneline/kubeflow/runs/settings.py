"""How a pipeline runs on Kubeflow Pipelines: where, as whom, and how long it is waited for."""

from __future__ import annotations

import re
from pathlib import Path  # noqa: TC003 - pydantic reads it
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from tuneline.errors import ConfigurationError
from tuneline.kubeflow.names import Namespace, ObjectName  # noqa: TC001 - pydantic reads them
from tuneline.kubeflow.runs.cron import six_fields
from tuneline.submission.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "KF_PIPELINES_ENDPOINT"
"""Environment variable of KFP's own client: where Kubeflow Pipelines answers."""

_HOST_FORM = re.compile(r"https?://[^\s/?#@]+(/[^\s?#@]*)?")
_STAGING_FORM = re.compile(r"(gs|s3)://[a-z0-9][a-z0-9._-]{1,220}[a-z0-9](/[^\s*?\[\]#]*)?")


class KubeflowRun(Patience):
    """A run's place and identity, and how long it is waited for.

    Attributes:
        host: Where Kubeflow Pipelines answers, such as ``https://kubeflow.example.com/pipeline``.
        namespace: Namespace of the user, in a multi-user installation.
        experiment: Experiment that the run belongs to; it is made where there is none.
        staging: Folder of a bucket, ``gs://`` or ``s3://``, for local data.
        service_account: Service account of Kubernetes that the tasks run as; empty: the
            installation's default.
        ca_certificate: File of certificates that sign the host's; None: the usual ones.
        name: Name that is shown; empty: the pipeline's.
        cache: Whether tasks whose inputs did not change are skipped, as the pipeline says.
        schedule: Cron expression of five fields, in the time zone of the installation's controller
            (UTC where nobody set another); empty: run once, now.
        max_concurrent: Runs of the schedule at one time.
        wait: Follow the run to its end.
    """

    host: str = ""
    namespace: Namespace = ""
    experiment: str = Field(default="Default", min_length=1, max_length=128)
    staging: str = ""
    service_account: ObjectName = ""
    ca_certificate: Path | None = None
    name: str = Field(default="", max_length=128)
    cache: bool = True
    schedule: str = ""
    max_concurrent: int = Field(default=1, ge=1, le=10)
    wait: bool = False

    @property
    def address(self) -> str:
        """``host`` without a slash at its end."""
        return self.host.rstrip("/")

    @property
    def folder(self) -> str:
        """``staging`` without a slash at its end."""
        return self.staging.rstrip("/")

    @property
    def cron(self) -> str:
        """``schedule`` as the service reads it."""
        return six_fields(self.schedule)

    @model_validator(mode="after")
    def _gather_problems(self) -> KubeflowRun:
        if problems := [*self._form_problems(), *self._schedule_problems()]:
            raise ConfigurationError(problems)
        return self

    def _form_problems(self) -> Iterator[str]:
        if not self.host:
            yield f"host: is required. Give --host or set {HOST}."
        elif "/apis" in self.host:
            yield f"host: {self.host!r}: give what stands before /apis."
        elif not _HOST_FORM.fullmatch(self.host):
            yield (
                "host: must be like https://kubeflow.example.com/pipeline, without a user name, a "
                "password or a query."
            )
        if self.staging and not _STAGING_FORM.fullmatch(self.staging):
            yield (
                f"staging: must be like s3://bucket/prefix or gs://bucket/prefix, not "
                f"{self.staging!r}."
            )
        if self.ca_certificate and not self.ca_certificate.is_file():
            yield f"ca_certificate: there is no file {self.ca_certificate}."

    def _schedule_problems(self) -> Iterator[str]:
        if not self.schedule:
            if self.max_concurrent > 1:
                yield "max_concurrent: needs schedule."
            return
        if self.wait:
            yield "schedule: excludes wait, since its runs start later. Choose one."
        try:
            six_fields(self.schedule)
        except ValueError as error:
            yield f"schedule: {error}."
