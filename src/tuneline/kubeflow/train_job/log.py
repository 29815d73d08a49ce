"""The log of node 0, told in this task's log while it is written."""

from __future__ import annotations

import logging
import math
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tuneline.kubeflow.train_job.failures import FAILURES, passes, said
from tuneline.kubeflow.train_job.lines import Untold, split_lines, stamped
from tuneline.kubeflow.train_job.state import NODE

if TYPE_CHECKING:
    from tuneline.kubeflow.train_job.api import TrainJobApi

logger = logging.getLogger("tuneline")

_CONNECT_S = 3.0
_SILENCE_S = 300.0
"""Longest silence of a stream before it is opened anew: a connection may be dead unnoticed."""

_OVERLAP_S = 60
"""Seconds before the last line that are read again, so that none is missed."""

_FIRST_WAIT_S = 0.2
_LONGEST_WAIT_S = 15.0
_CLOSING_S = 1.0


class NodeLog:
    """Tells a pod's log, whatever becomes of the connection.

    Args:
        api: The way to the cluster.
        pod: Name of the pod.
    """

    def __init__(self, api: TrainJobApi, pod: str) -> None:
        self.pod = pod
        self._api = api
        self._untold = Untold()
        self._read_at = 0.0
        self._problem = ""
        self._may_pass = False
        self._until = math.inf
        self._is_cut = False
        self._over = threading.Event()
        self._response: Any = None
        self._thread = threading.Thread(target=self._follow, name=f"log of {pod}", daemon=True)
        self._thread.start()

    def finish(self, longest_s: float) -> None:
        """Tell what is left, and stop reading.

        Args:
            longest_s: How long the rest may take to come; 0 where the pod may still be writing.
        """
        self._until = time.monotonic() + longest_s
        self._is_cut = longest_s == 0
        self._over.set()
        self._thread.join(longest_s)
        if self._thread.is_alive() and (response := self._response) is not None:
            with suppress(OSError, RuntimeError, ValueError):  # its stream ended at this moment
                response.shutdown()
            self._thread.join(_CLOSING_S)

    def _follow(self) -> None:
        wait = _FIRST_WAIT_S
        while True:
            is_over = self._over.is_set()
            if is_over and time.monotonic() > self._until:
                break
            told = self._told()
            if is_over and not self._may_pass:
                break
            wait = _FIRST_WAIT_S if told else min(wait * 2, _LONGEST_WAIT_S)
            if is_over:
                time.sleep(_FIRST_WAIT_S)
            else:
                self._over.wait(wait)
        if self._problem and not self._is_cut:
            logger.warning("tune: the log of %s may be cut short: %s", self.pod, self._problem)

    def _told(self) -> int:
        """Read the log as far as it comes; how many lines were told."""
        told = 0
        self._untold.read_again()
        try:
            self._response = self._opened()
            for line in split_lines(self._response.stream()):
                written, text = stamped(line)
                self._read_at = time.monotonic()
                if self._untold.is_new(written):
                    logger.info("[node 0] %s", text.rstrip("\r"))
                    told += 1
        except FAILURES as error:
            self._problem, self._may_pass = said(error), passes(error, answered=False)
        else:
            self._problem, self._may_pass = "", False
        finally:
            response, self._response = self._response, None
            if response is not None:
                response.close()
        return told

    def _opened(self) -> Any:
        # Counted back from now, so that the clocks of this pod and of the node need not agree.
        since = math.ceil(time.monotonic() - self._read_at) + _OVERLAP_S if self._read_at else None
        return self._api.core.read_namespaced_pod_log(
            self.pod,
            self._api.namespace,
            container=NODE,
            follow=True,
            timestamps=True,
            _preload_content=False,
            _request_timeout=(_CONNECT_S, _SILENCE_S),
            **({"since_seconds": since} if since else {}),
        )
