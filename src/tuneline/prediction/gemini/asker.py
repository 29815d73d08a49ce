"""Answers of a model behind a service to many requests, each paid for once."""

from __future__ import annotations

import datetime as dt
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from tuneline.errors import ConfigurationError
from tuneline.prediction.answer import Answer
from tuneline.prediction.gemini.asking import Asking, Call
from tuneline.prediction.gemini.connection import choose_service
from tuneline.prediction.gemini.limits import RateLimit
from tuneline.prediction.gemini.names import catalogued, model_problem, parse
from tuneline.prediction.gemini.own_loop import run_in_own_loop
from tuneline.prediction.gemini.reply import Reply, count_reasons
from tuneline.prediction.gemini.thinking import thinking_config
from tuneline.prediction.journal import request_key
from tuneline.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuneline.prediction.gemini.request import Request
    from tuneline.prediction.gemini.settings import GeminiSettings
    from tuneline.prediction.journal import Journal

logger = logging.getLogger("tuneline")

_FORM = 1
"""Rises when a journal's answers would be misread, so that none of an older form is found."""


class GeminiAsker:
    """A Gemini model, or the endpoint of a tuned one, that answers requests.

    Nothing is asked before `answer`.

    Args:
        model: Name of a publisher's model, or of an endpoint
            (``projects/P/locations/L/endpoints/ID``).
        settings: How to ask.
        journal: Where answers are kept, and found again.
        tuned_from: For an endpoint, the model that was tuned, where known: by it the model is told
            how to think least.

    Raises:
        ConfigurationError: The name is no model's, or the model is retired.
    """

    def __init__(
        self, model: str, settings: GeminiSettings, journal: Journal, *, tuned_from: str = ""
    ) -> None:
        if problem := model_problem(model):
            raise ConfigurationError(problem)
        base = parse(tuned_from or model).publisher_model
        self._service = choose_service(model, settings)
        self._settings = settings
        self._journal = journal
        self._rate = RateLimit(settings.requests_per_minute, settings.tokens_per_minute)
        self._thinking = thinking_config(base, settings)
        self._warn(base)

    def answer(self, requests: Sequence[Request], name: str) -> list[Answer]:
        """Answer every request, in the order given.

        Equal requests are asked once; those that the journal knows are not asked. Ctrl-C and
        SIGTERM end it at once, with the journal flushed.

        Args:
            requests: What to ask.
            name: Candidate's name, for the progress.

        Raises:
            ConfigurationError: The service refuses a request or the credentials; all ends there.
            ServiceError: No answer after all attempts, or not before the deadline.
            MachineError: The journal cannot be written.
        """
        calls = [
            [self._call(request, sample) for sample in range(1 + self._settings.samples)]
            for request in requests
        ]
        unique = {call.key: call for own in calls for call in own}
        missing = [call for key, call in unique.items() if key not in self._journal]
        logger.info(
            "predict: %s: asking %s (%s): %d requests, %d of them answered before",
            *(name, self._service.model, self._service, len(unique), len(unique) - len(missing)),
        )
        if missing:
            self._ask(missing, name, total=len(unique))
        replies = [[Reply.of_record(self._journal[call.key]) for call in own] for own in calls]
        self._report([own[0] for own in replies], name)
        return [_answer(own) for own in replies]

    def _ask(self, calls: Sequence[Call], name: str, *, total: int) -> None:
        with (
            Progress(f"predict: {name}", total, "answers", total - len(calls)) as progress,
            self._journal as journal,
        ):
            asking = Asking(self._service, self._settings, self._rate, journal, progress)
            run_in_own_loop(partial(asking.ask, calls))

    def _call(self, request: Request, sample: int) -> Call:
        body = partial(request.body, self._generation(sample))
        asked = {
            "form": _FORM,
            "model": self._service.resource,
            "address": self._service.address,
            "body": body(),
            "sample": sample,
        }
        return Call(request_key(asked), body, request.where)

    def _generation(self, sample: int) -> dict[str, Any]:
        """The ``generationConfig``; sample 0 is the answer that is measured."""
        settings = self._settings
        config: dict[str, Any] = {
            "temperature": settings.sample_temperature if sample else settings.temperature,
            "maxOutputTokens": settings.max_output_tokens,
            "seed": settings.seed + sample,
        }
        if self._thinking:
            config["thinkingConfig"] = self._thinking
        return config

    def _warn(self, base: str) -> None:
        entry = catalogued(base) if base else None
        today = dt.datetime.now(tz=dt.UTC).date()
        for sentence in entry.warnings(today) if entry else ():
            logger.warning("predict: %s", sentence)
        if self._thinking is None:
            logger.warning(
                "predict: %s: how to make it think least is not known, so it thinks as it likes, "
                "which is paid for; set thinking_budget (Gemini 2.5) or thinking_level (later)",
                self._service.model,
            )

    def _report(self, replies: Sequence[Reply], name: str) -> None:
        reasons = count_reasons(replies)
        if blocked := reasons["blocked"]:
            listed = ", ".join(f"{reason} {count}" for reason, count in blocked.most_common())
            logger.warning(
                "predict: %s: %d answers were withheld by the service and count as empty (%s)",
                *(name, blocked.total(), listed),
            )
        if cut_off := reasons["length"].total():
            logger.warning(
                "predict: %s: %d answers were cut off at max_output_tokens (%d)",
                *(name, cut_off, self._settings.max_output_tokens),
            )
        if refused := reasons["prompt_too_long"].total():
            logger.warning("predict: %s: %d prompts do not fit the model's context", name, refused)


def _answer(replies: Sequence[Reply]) -> Answer:
    first, *samples = replies
    return Answer(
        text=first.text,
        prompt_tokens=first.prompt_tokens,
        output_tokens=first.output_tokens,
        finish_reason=first.finish_reason,
        samples=tuple(reply.text for reply in samples),
    )
