"""Where a run is: the address of its page, which names the service and the run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from tuneline.errors import ConfigurationError

_RUN = re.compile(r"/?runs/details/(?P<id>[A-Za-z0-9-]+)/?(\?.*)?")
_DASHBOARD = "/_"
"""What Kubeflow's central dashboard puts before the path of what it frames."""


@dataclass(frozen=True, slots=True)
class RunAddress:
    """A run on a service.

    Attributes:
        host: Where Kubeflow Pipelines answers, such as ``https://kubeflow.example.com/pipeline``.
        run_id: The run's id.
    """

    host: str
    run_id: str

    @property
    def url(self) -> str:
        """The page on which a person reads of the run."""
        return f"{self.host}/#/runs/details/{self.run_id}"

    @classmethod
    def parse(cls, url: str) -> RunAddress:
        """Take the address of a run's page apart: as `submit` prints it, or from the browser.

        Raises:
            ConfigurationError: It is no such address.
        """
        parts = urlsplit(url)
        found = _RUN.fullmatch(parts.fragment)
        if parts.scheme not in ("http", "https") or not parts.netloc or found is None:
            raise ConfigurationError(
                f"{url!r}: is no run of Kubeflow Pipelines; one is "
                "https://HOST/pipeline/#/runs/details/ID, as tuneline submit prints it."
            )
        if "@" in parts.netloc:
            raise ConfigurationError(
                "the run's address holds a user name or password. Leave it out."
            )
        path = parts.path.removeprefix(_DASHBOARD).rstrip("/")
        return cls(f"{parts.scheme}://{parts.netloc}{path}", found["id"])


def schedule_url(host: str, schedule_id: str) -> str:
    """The page on which a person reads of a schedule."""
    return f"{host}/#/recurringrun/details/{schedule_id}"
