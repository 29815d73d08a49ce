"""What the service takes as a request, and in which words it refuses the rest."""

from __future__ import annotations

from typing import Any

_BODY = {
    "contents",
    "systemInstruction",
    "tools",
    "toolConfig",
    "safetySettings",
    "generationConfig",
}
_GENERATION = {
    "temperature",
    "topP",
    "topK",
    "candidateCount",
    "maxOutputTokens",
    "stopSequences",
    "seed",
    "responseMimeType",
    "responseSchema",
    "thinkingConfig",
    "mediaResolution",
}
_PART_DATA = {"text", "inlineData", "fileData", "functionCall", "functionResponse"}
_PART = {*_PART_DATA, "videoMetadata", "thought", "thoughtSignature"}
_THINKING = {"thinkingBudget", "thinkingLevel", "includeThoughts"}


def problem_of(body: Any) -> str | None:
    """The service's message for a request that it would refuse; None for a right one."""
    if unknown := _unknown(body, _BODY, ""):
        return unknown
    contents = body.get("contents")
    if not contents:
        return "Unable to submit request because at least one contents field is required."
    for place, content in enumerate(contents):
        where = f"contents[{place}]"
        if problem := _unknown(content, {"role", "parts"}, where) or _parts(content, where):
            return problem
        if content.get("role") not in ("user", "model"):
            return "Please use a valid role: user, model."
    if contents[-1]["role"] != "user":
        return "Please ensure that multiturn requests end with a user turn."
    if problem := _parts(body.get("systemInstruction", {"parts": [{"text": ""}]}), "system"):
        return problem
    return _generation(body.get("generationConfig", {}))


def _parts(content: Any, where: str) -> str | None:
    parts = content.get("parts")
    if not parts:
        return f"Unable to submit request because {where} must include at least one parts field."
    for place, part in enumerate(parts):
        if unknown := _unknown(part, _PART, f"{where}.parts[{place}]"):
            return unknown
        if len(_PART_DATA & set(part)) != 1:
            return f"{where}.parts[{place}].data: required oneof field 'data' must have one field."
        file = part.get("fileData")
        if file is not None and set(file) != {"mimeType", "fileUri"}:
            return f"Unable to submit request because {where} has an empty mimeType or fileUri."
    return None


def _generation(config: Any) -> str | None:
    if unknown := _unknown(config, _GENERATION, "generation_config"):
        return unknown
    thinking = config.get("thinkingConfig", {})
    if unknown := _unknown(thinking, _THINKING, "generation_config.thinking_config"):
        return unknown
    if {"thinkingBudget", "thinkingLevel"} <= set(thinking):
        return "You can only set only one of thinking budget and thinking level."
    if not 0 <= config.get("temperature", 1) <= 2:
        return "Unable to submit request because temperature must be in the range [0, 2]."
    if "responseSchema" in config and config.get("responseMimeType") != "application/json":
        return "response_schema requires response_mime_type application/json."
    return None


def _unknown(value: Any, known: set[str], where: str) -> str | None:
    if not isinstance(value, dict):
        return f"Invalid value at '{where}'."
    for name in value:
        if name not in known:
            return (
                f"Invalid JSON payload received. Unknown name \"{name}\" at '{where}': Cannot find "
                "field."
            )
    return None
