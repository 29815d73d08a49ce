"""Says what is wrong with bytes that the JSON parser refused."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, NoReturn

from tuneline.data.checks.rule import RowError

if TYPE_CHECKING:
    import orjson

_KINDS = {type(None): "null", list: "a list", str: "a text", bool: "true or false"}

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_DEPTH_WORDS = ("depth", "recursion")  # what releases of the parser call it


class _NotFiniteError(Exception):
    """A number that JSON cannot hold."""


def json_error(raw: bytes, error: orjson.JSONDecodeError) -> RowError:
    """Tell the kinds of damage apart.

    The standard library's parser takes more than JSON allows, so what it takes or stumbles over
    says what the stricter one meant.

    Args:
        raw: The row's bytes.
        error: What the parser said.
    """
    if problem := utf8_error(raw):
        return problem
    if b"\0" in raw:
        return nul_error(raw)
    reason = str(error).split(": line ")[0]
    if raw.startswith(BYTE_ORDER_MARK):
        reason = "a byte order mark, which only a file may start with,"
    try:
        value = json.loads(
            raw, parse_int=_finite, parse_float=_finite, parse_constant=_refuse, strict=False
        )
        json.dumps(value, ensure_ascii=False).encode()
    except _NotFiniteError as found:
        return RowError("nan", "", f"holds the number {found}, which JSON cannot. Write null.")
    except RecursionError:
        return deep_nesting()
    except UnicodeEncodeError:
        message = r"holds half a surrogate pair (\ud800 to \udfff), which is no character."
        return RowError("lone_surrogate", "", message)
    except ValueError:
        pass  # broken for both parsers; the stricter one says where
    if any(word in reason for word in _DEPTH_WORDS):
        return deep_nesting()
    return RowError("bad_json", "", f"is not JSON: {reason} at character {error.pos + 1}.")


def deep_nesting() -> RowError:
    """A row whose nesting is beyond what parsers follow."""
    return RowError("deep_nesting", "", "is nested about a thousand levels deep or deeper.")


def not_object(value: Any) -> RowError:
    """A row that is another kind of JSON."""
    kind = _KINDS.get(type(value), "a number")
    return RowError("not_object", "", f"must be a JSON object, not {kind}.")


def nul_error(raw: bytes) -> RowError:
    """A row with a NUL byte."""
    return RowError("nul_byte", "", f"holds a NUL byte at position {raw.index(0) + 1}.")


def utf8_error(raw: bytes) -> RowError | None:
    """The first byte that is not UTF-8, if there is one."""
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        byte = f"byte {raw[error.start]:#04x} at position {error.start + 1}"
        return RowError("bad_utf8", "", f"is not UTF-8: {byte}. Save the file as UTF-8.")
    return None


def _finite(text: str) -> str:
    if math.isinf(float(text)):
        raise _NotFiniteError(text[:40])
    return text


def _refuse(name: str) -> NoReturn:
    raise _NotFiniteError(name)
