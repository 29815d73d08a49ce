"""What asking a Gemini model or an endpoint is told."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

ThinkingLevel = Literal["minimal", "low", "medium", "high"]


class GeminiSettings(BaseModel):
    """How a service is asked.

    There is no setting for a key: Vertex AI takes the application default credentials, and the
    Gemini Developer API, where neither a project nor a location is named, the environment variable
    GOOGLE_API_KEY or GEMINI_API_KEY.

    Attributes:
        project: Google Cloud project; empty: the endpoint's, that of GOOGLE_CLOUD_PROJECT, or that
            of the credentials.
        location: Where a publisher's model is asked; empty: GOOGLE_CLOUD_LOCATION, or ``global``.
            An endpoint is asked where its name says.
        concurrency: Most requests at the same time.
        requests_per_minute: Most requests in a minute, tried again or not; 0: no limit.
        tokens_per_minute: Most tokens in a minute, prompt and answer; 0: no limit. A prompt's are
            estimated before it is sent, and set right by what the service counted.
        timeout_s: Longest time of one attempt, in seconds.
        deadline_s: Longest time of all requests of one call together, in seconds; 0: no limit.
        attempts: Most attempts of one request, the first counted.
        first_wait_s: Upper end of the random wait before the second attempt, in seconds; it doubles
            with every further one. What the service asks to wait is waited besides.
        longest_wait_s: Where the doubling ends.
        temperature: Of the answer that is measured; 0 is greedy.
        max_output_tokens: Longest answer; a thinking model's thoughts count.
        samples: Further answers to every prompt, for metrics such as pass@k; each is a request.
        sample_temperature: Of those.
        thinking_budget: Tokens that a model of Gemini 2.5 may think for; 0 is none, -1 as many as
            it wants.
        thinking_level: How much later models think. Where both are None, models think as little as
            is known to be possible: thoughts are paid for, and tuned models are to be asked so.
        seed: Of the service's sampling; every further answer has the next.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    project: str = Field(default="", pattern=r"^[A-Za-z0-9:.-]*$")
    location: str = Field(default="", pattern=r"^[a-z0-9-]*$")
    concurrency: int = Field(default=8, ge=1, le=1000)
    requests_per_minute: int = Field(default=0, ge=0)
    tokens_per_minute: int = Field(default=0, ge=0)
    timeout_s: float = Field(default=120.0, gt=0)
    deadline_s: float = Field(default=0.0, ge=0)
    attempts: int = Field(default=8, ge=1)
    first_wait_s: float = Field(default=1.0, gt=0)
    longest_wait_s: float = Field(default=60.0, gt=0)
    temperature: float = Field(default=0.0, ge=0, le=2)
    max_output_tokens: int = Field(default=1024, ge=1)
    samples: int = Field(default=0, ge=0)
    sample_temperature: float = Field(default=0.8, gt=0, le=2)
    thinking_budget: int | None = Field(default=None, ge=-1)
    thinking_level: ThinkingLevel | None = None
    seed: int = Field(default=0, ge=0, lt=2**31)

    @model_validator(mode="after")
    def _one_way_to_think(self) -> GeminiSettings:
        if self.thinking_budget is not None and self.thinking_level is not None:
            raise ValueError(
                "give thinking_budget (Gemini 2.5) or thinking_level (later models), not both: the "
                "service refuses the two together"
            )
        return self
