"""The registry's own client, asked from plain functions: with deadlines, patience and one look.

The client is made of coroutines. They run in a loop of a thread of their own, so that it works
where a loop runs already, as in a notebook. The higher one of the package's two clients is left
out: it gives a request five minutes, sends it once, and changes the process's event loop and log.
"""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from mr_openapi import ApiClient, Configuration, ModelRegistryServiceApi
from mr_openapi.exceptions import ApiException

from tuneline.registry.kubeflow.access import read_access
from tuneline.registry.kubeflow.failures import (
    FAILURES,
    is_conflict,
    is_not_found,
    may_have_worked,
    passes,
    translated,
    wait_s,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tuneline.registry.kubeflow.address import KubeflowRegistry

Thing = TypeVar("Thing")

_PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited.

    Attributes:
        request_s: For the answer to one request.
        failing_s: For failures to pass, from the first on.
        first_wait_s: Longest wait before the second attempt...
        longest_wait_s: ...which grows up to this.
    """

    request_s: float = 30.0
    failing_s: float = 120.0
    first_wait_s: float = 0.5
    longest_wait_s: float = 15.0


REGISTERING = Patience()
"""At the end of hours of tuning, a registry that starts anew is waited for."""

WATCHED = Patience(request_s=15.0, failing_s=10.0, first_wait_s=0.5, longest_wait_s=2.0)
"""Where somebody sits before the screen."""


class Client:
    """A server's API, asked from plain functions.

    Args:
        api: The client, whose methods are named in every call.
        loop: The running loop that it sends from.
        patience: How long is waited.
    """

    def __init__(self, api: Any, loop: asyncio.AbstractEventLoop, patience: Patience) -> None:
        self._api = api
        self._loop = loop
        self._patience = patience

    def once(self, method: str, **arguments: Any) -> Any:
        """Send a request that makes something: nobody knows what a second one would make."""
        sending = getattr(self._api, method)(**arguments, _request_timeout=self._patience.request_s)
        answer = asyncio.run_coroutine_threadsafe(sending, self._loop)
        try:
            return answer.result()
        except BaseException:
            answer.cancel()  # it is still at work where this thread was interrupted
            raise

    def ask(self, method: str, **arguments: Any) -> Any:
        """Send a request that may come twice, and send it again while failures pass."""
        attempts = _Attempts(self._patience)
        while True:
            try:
                return self.once(method, **arguments)
            except FAILURES as error:
                attempts.wait_after(error)

    def find(self, method: str, **arguments: Any) -> Any | None:
        """Ask for one thing; None where there is none."""
        try:
            return self.ask(method, **arguments)
        except ApiException as error:
            if is_not_found(error):
                return None
            raise

    def pages(self, method: str, **arguments: Any) -> Iterator[Any]:
        """Yield every item of a list."""
        token: dict[str, str] = {}
        while True:
            page = self.ask(method, **arguments, page_size=str(_PAGE_SIZE), **token)
            yield from page.items
            if not page.next_page_token:
                return
            token = {"next_page_token": page.next_page_token}

    def found_or_made(
        self, find: Callable[[], Thing | None], make: Callable[[], Thing]
    ) -> tuple[Thing, bool]:
        """Find something, or make it.

        The server has one of a name. After a failure that does not say whether it was made, and
        where another process was first, it is looked for before it is made again.

        Args:
            find: Looks for it; None where it is not there.
            make: Sends one request that makes it.

        Returns:
            It, and whether it was made here.
        """
        attempts, asked = _Attempts(self._patience), False
        while (found := find()) is None:
            try:
                return make(), True
            except FAILURES as error:
                if not is_conflict(error):
                    attempts.wait_after(error)
                    asked = asked or may_have_worked(error)
                elif (found := find()) is None:
                    raise
                else:
                    break
        return found, asked


@contextmanager
def connected(registry: KubeflowRegistry, doing: str, *, watched: bool = False) -> Iterator[Client]:
    """Yield a client of a server that has answered once; translate its errors.

    Args:
        registry: The server.
        doing: What is tried, as the start of a sentence; messages start with it.
        watched: Whether somebody waits for the answer, who is told of failures sooner.

    Raises:
        ConfigurationError: The environment names files that are not there, or the server refuses.
        ServiceError: The server cannot be reached, or fails.
    """
    access = read_access(registry)
    with translated(doing, access), _running_loop() as loop:
        configuration = Configuration(host=registry.url, access_token=access.token or None)
        api_client = ApiClient(configuration)
        patience = WATCHED if watched else REGISTERING
        client = Client(ModelRegistryServiceApi(api_client), loop, patience)
        try:
            # A list is never "not found": later, that means that nothing has the name.
            client.ask("get_registered_models", page_size="1")
            yield client
        finally:
            asyncio.run_coroutine_threadsafe(api_client.close(), loop).result()


class _Attempts:
    """Counts the attempts at one thing, until failures have lasted too long."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._made = 0
        self._deadline = 0.0

    def wait_after(self, error: Exception) -> None:
        """Wait before the next attempt, or raise ``error`` where there is none."""
        now = time.monotonic()
        if not self._made:
            self._deadline = now + self._patience.failing_s
        self._made += 1
        seconds = wait_s(
            error,
            self._made,
            first_s=self._patience.first_wait_s,
            longest_s=self._patience.longest_wait_s,
        )
        if not passes(error) or now + seconds > self._deadline:
            raise error
        time.sleep(seconds)


@contextmanager
def _running_loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
