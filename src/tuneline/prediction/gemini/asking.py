"""Sends requests to a service: a bounded number at a time, again where a failure passes."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
from google.auth import exceptions as auth_errors
from google.genai import errors as service_errors
from google.genai import types

from tuneline.errors import ServiceError, TunelineError
from tuneline.prediction.gemini.connection import connected
from tuneline.prediction.gemini.failures import last_word, most_attempts
from tuneline.prediction.gemini.reply import Reply, read_reply, too_long
from tuneline.prediction.gemini.request import estimated_tokens
from tuneline.vertex.failures import describe, passes, wait_s

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tuneline.prediction.gemini.connection import Service
    from tuneline.prediction.gemini.limits import RateLimit
    from tuneline.prediction.gemini.settings import GeminiSettings
    from tuneline.prediction.journal import Journal
    from tuneline.progress import Progress

logger = logging.getLogger("tuneline")

_FAILURES = (
    service_errors.APIError,
    auth_errors.GoogleAuthError,
    httpx.HTTPError,
    json.JSONDecodeError,
    TimeoutError,
)

# The body goes out as it is made: the client's own types would refuse words of JSON schema that the
# service takes, and a tuned model is to be asked in the very form of its training rows.
_REPLACED_BY_BODY = types.Content(role="user", parts=[])


@dataclass(frozen=True, slots=True)
class Call:
    """One request to send.

    Attributes:
        key: Equal for equal requests.
        body: Makes its JSON; not kept, since there may be many.
        where: Which row it is, for messages.
    """

    key: str
    body: Callable[[], dict[str, Any]]
    where: str


class Asking:
    """Asks one service.

    Args:
        service: Where.
        settings: How.
        rate: Limits that all requests to the service keep.
        journal: Keeps every answer as soon as it is there.
        progress: Counts them.
    """

    def __init__(
        self,
        service: Service,
        settings: GeminiSettings,
        rate: RateLimit,
        journal: Journal,
        progress: Progress,
    ) -> None:
        self._service = service
        self._settings = settings
        self._rate = rate
        self._journal = journal
        self._progress = progress

    async def ask(self, calls: Sequence[Call]) -> None:
        """Ask every call; the first that fails for good ends all.

        Raises:
            ConfigurationError: The service refuses a request, or the credentials.
            ServiceError: It gave no answer after all attempts, or not before the deadline.
        """
        todo = iter(calls)
        deadline_s = self._settings.deadline_s or None
        try:
            async with (
                asyncio.timeout(deadline_s) as deadline,
                connected(self._service, self._settings) as client,
                asyncio.TaskGroup() as group,
            ):
                for _ in range(min(self._settings.concurrency, len(calls))):
                    group.create_task(self._work(client, todo))
        except TimeoutError:
            if not deadline.expired():
                raise
            raise ServiceError(
                f"{self._service.model}: not everything was answered within deadline_s "
                f"({self._settings.deadline_s:g} s). What was answered is in the journal: run the "
                "same again to go on, or give it more time."
            ) from None
        except ExceptionGroup as failed:
            known = [error for error in failed.exceptions if isinstance(error, TunelineError)]
            raise (known or failed.exceptions)[0] from failed

    async def _work(self, client: Any, todo: Iterator[Call]) -> None:
        for call in todo:
            reply = await self._answered(client, call)
            # On a thread, since a disk or a store may take its time.
            await asyncio.to_thread(self._journal.add, call.key, reply.record())
            self._progress.add()

    async def _answered(self, client: Any, call: Call) -> Reply:
        settings = self._settings
        model = self._service.model
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._attempt(client, call)
            except _FAILURES as error:
                said = describe(error)
                if reply := too_long(said):
                    return reply
                attempts = most_attempts(error, settings)
                if attempt >= attempts or not passes(error):
                    raise last_word(error, settings, model, call.where) from error
                wait = wait_s(
                    error,
                    attempt,
                    first_wait_s=settings.first_wait_s,
                    longest_wait_s=settings.longest_wait_s,
                )
                logger.info(
                    "predict: %s: %s; attempt %d of %d in %.1f s",
                    *(model, said, attempt + 1, attempts, wait),
                )
                await asyncio.sleep(wait)

    async def _attempt(self, client: Any, call: Call) -> Reply:
        body = call.body()
        estimated = estimated_tokens(body)
        await asyncio.sleep(self._rate.start(estimated))
        async with asyncio.timeout(self._settings.timeout_s):
            response = await client.aio.models.generate_content(
                model=self._service.model,
                contents=_REPLACED_BY_BODY,
                config=types.GenerateContentConfig(
                    automatic_function_calling={"disable": True},
                    automatic_continuation=False,
                    http_options=types.HttpOptions(extra_body=body),
                ),
            )
        reply = read_reply(response)
        self._rate.settle(estimated, reply.tokens)
        return reply
