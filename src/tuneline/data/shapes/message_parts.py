"""Contents of OpenAI messages: a text, or a list of texts and of files by URI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuneline.data.checks.rule import RowError
from tuneline.data.media.mime_types import type_of_suffix
from tuneline.data.schema import File, Part
from tuneline.data.shapes.content import NotHeld
from tuneline.data.shapes.required import (
    optional_text,
    require_object,
    require_text,
    shown,
    unread_keys,
)

if TYPE_CHECKING:
    from tuneline.data.shapes.content import Note

_FILE_TYPES = {
    "image_url": ("url", "mime_type", "detail"),
    "audio_url": ("url", "mime_type"),
    "video_url": ("url", "mime_type"),
    "input_audio": ("url", "mime_type", "format"),
    "file": ("url", "mime_type", "filename"),
}
_BYTES = ("data", "file_data")


def parts_of(content: Any, field: str, empty: str, notes: list[Note]) -> tuple[Part, ...]:
    """The parts of a message's content.

    Args:
        content: A text or a list of parts.
        field: Where it stands in the row.
        empty: Code for a content that says nothing.
        notes: Where keys that are not read are noted.

    Raises:
        RowError: It is neither, says nothing, or holds something that cannot be kept.
    """
    if not isinstance(content, list):
        return (Part(require_text(content, field, empty=empty)),)
    if not content:
        raise RowError(empty, field, "is an empty list; give it a text or take the row out.")
    return tuple(
        _part(require_object(item, name := f"{field}[{place}]"), name, empty, notes)
        for place, item in enumerate(content)
    )


def text_of(content: Any, field: str, empty: str, notes: list[Note]) -> str:
    """The text of a content that must be nothing but text.

    Raises:
        RowError: It holds something else, or says nothing.
    """
    parts = parts_of(content, field, empty, notes)
    for place, part in enumerate(parts):
        if part.text is None:
            raise RowError("unsupported", f"{field}[{place}]", "must be a text in such a message.")
    return "".join(part.text or "" for part in parts)


def content_of(parts: list[Part], field: str) -> str | list[dict[str, Any]] | None:
    """The inverse of `parts_of`: a single text as it is, none where there is no part.

    Raises:
        NotHeld: A clip of a video, or a function's call or response.
    """
    if not parts:
        return None
    if len(parts) == 1 and parts[0].text is not None:
        return parts[0].text
    return [_item(part, f"{field}.parts[{place}]") for place, part in enumerate(parts)]


def _item(part: Part, field: str) -> dict[str, Any]:
    if part.text is not None:
        return {"type": "text", "text": part.text}
    file = part.file
    if file is None:
        raise NotHeld(field, "a function call or its response has no place between texts.")
    if file.video_metadata is not None:
        raise NotHeld(field, "videoMetadata has no place in messages.")
    if file.mime_type.startswith("image/"):
        return {"type": "image_url", "image_url": {"url": file.uri}}
    return {"type": "file", "file": {"url": file.uri, "mime_type": file.mime_type}}


def _part(item: dict[str, Any], field: str, empty: str, notes: list[Note]) -> Part:
    kind = item.get("type")
    if kind == "text":
        notes += unread_keys(item, ("type", "text"), field)
        return Part(require_text(item.get("text"), f"{field}.text", empty=empty))
    if not isinstance(kind, str) or kind not in _FILE_TYPES:
        known = ", ".join(["text", *_FILE_TYPES])
        raise RowError(
            "unsupported", f"{field}.type", f"must be one of {known}, not {shown(kind)}."
        )
    notes += unread_keys(item, ("type", kind), field)
    given = item.get(kind)
    field = f"{field}.{kind}"
    if isinstance(given, str):
        given = {"url": given}
    return Part(file=_file(kind, require_object(given, field), field, notes))


def _file(kind: str, given: dict[str, Any], field: str, notes: list[Note]) -> File:
    uri = given.get("url")
    inline = next((key for key in _BYTES if given.get(key)), None)
    if inline or (isinstance(uri, str) and uri.startswith("data:")):
        raise RowError(
            "unsupported",
            f"{field}.{inline or 'url'}",
            "holds the file itself; save the file and give its URI (gs:// or https://) as url.",
        )
    if uri is None and given.get("file_id"):
        message = "is known to another service only; give the file's URI as url."
        raise RowError("unsupported", f"{field}.file_id", message)
    uri = require_text(uri, f"{field}.url")
    # "auto" is what leaving the detail out means.
    known = [*_FILE_TYPES[kind]]
    if kind == "image_url" and given.get("detail") != "auto":
        known.remove("detail")
    notes += unread_keys(given, known, field)
    return File(uri, _mime_type(uri, given, field))


def _mime_type(uri: str, given: dict[str, Any], field: str) -> str:
    named = optional_text(given.get("mime_type"), f"{field}.mime_type")
    found = named or type_of_suffix(uri)
    if found:
        return found
    form = optional_text(given.get("format"), f"{field}.format")
    if form:
        return type_of_suffix(f"sound.{form}") or f"audio/{form}"
    message = "has no suffix that tells the type; name it as mime_type beside the url."
    raise RowError("unsupported", f"{field}.url", message)
