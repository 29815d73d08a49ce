"""For every rule the smallest input that breaks it, as files and settings."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.data.checks.labelled import labelled_texts
from tests.data.media.media_files import jpeg, png, wav, webm
from tests.data.source_files import pair, pairs, write_jsonl

Settings = dict[str, Any]
Breach = Callable[[Path], Settings]
"""Writes files into a folder and returns the settings to check them with."""

GOOD_ROWS = 24
TEMPLATES = {"prompt_template": "{prompt}", "completion_template": "{completion}"}


def row(*raw: Any, **settings: Any) -> Breach:
    """Further rows in a file of prompts and completions."""

    def breach(folder: Path) -> Settings:
        return {"data": write_jsonl(folder / "a.jsonl", [*pairs(GOOD_ROWS), *raw]), **settings}

    return breach


def prompt(text: str, answer: str = "refund", **settings: Any) -> Breach:
    """One more prompt."""
    return row({"prompt": text, "completion": answer}, **settings)


def every_row(fields: Callable[[int], dict[str, Any]], **settings: Any) -> Breach:
    """Further fields in every row."""

    def breach(folder: Path) -> Settings:
        rows = [{**pair(number), **fields(number)} for number in range(GOOD_ROWS)]
        return {"data": write_jsonl(folder / "a.jsonl", rows), **settings}

    return breach


def in_file(name: str, content: bytes) -> Breach:
    """A file that holds these bytes behind good records."""

    def breach(folder: Path) -> Settings:
        records = [f"question {number},answer {number % 2}\n" for number in range(GOOD_ROWS)]
        (folder / name).write_bytes(
            b"prompt,completion\n" + "".join(records).encode() + content + b"\n"
        )
        return {"data": folder / name}

    return breach


def column(values: pa.Array) -> Breach:
    """A Parquet file with one more column, whose values begin in the first rows."""

    def breach(folder: Path) -> Settings:
        table = pa.Table.from_pylist(pairs(GOOD_ROWS))
        filled = pa.concat_arrays([values, pa.nulls(GOOD_ROWS - len(values), values.type)])
        pq.write_table(table.append_column("more", filled), folder / "a.parquet")
        return {"data": folder / "a.parquet"}

    return breach


def chat(*said: tuple[str, Any], more: dict[str, Any] | None = None, **settings: Any) -> Breach:
    """A conversation in a file of conversations; each message is a role and a content."""
    own = [
        {"role": role, **(said if isinstance(said, dict) else {"content": said})}
        for role, said in said
    ]

    def breach(folder: Path) -> Settings:
        good = [
            {"messages": [{"role": "user", "content": f"q {n}"}, ANSWER]} for n in range(GOOD_ROWS)
        ]
        rows = [*good, {"messages": own, **(more or {})}]
        return {"data": write_jsonl(folder / "a.jsonl", rows), **settings}

    return breach


ANSWER = {"role": "assistant", "content": "well"}
USER, BOT = ("user", "question"), ("assistant", "answer")


def tool_call(identifier: str = "1", arguments: str = "{}") -> dict[str, Any]:
    function = {"name": "weather", "arguments": arguments}
    return {"id": identifier, "type": "function", "function": function}


def turns(*given: Any, tools: Any = None, low: str = "", **settings: Any) -> Breach:
    """A Gemini row among Gemini rows; a turn is a text or a list of parts, the user's first."""

    def breach(folder: Path) -> Settings:
        bad: dict[str, Any] = {"contents": _contents(given)}
        if tools:
            bad["tools"] = [{"functionDeclarations": tools}]
        if low:
            bad["generationConfig"] = {"mediaResolution": low}
        good = [{"contents": _contents((f"question {n}", "seen"))} for n in range(GOOD_ROWS)]
        settings_of = {name: _in_folder(value, folder) for name, value in settings.items()}
        return {"data": write_jsonl(folder / "a.jsonl", [*good, bad]), **settings_of}

    return breach


def _contents(given: tuple[Any, ...]) -> list[dict[str, Any]]:
    return [
        {
            "role": ("user", "model")[place % 2],
            "parts": [{"text": turn}] if isinstance(turn, str) else turn,
        }
        for place, turn in enumerate(given)
    ]


def _in_folder(value: Any, folder: Path) -> Any:
    return value(folder) if callable(value) else value


def file_part(uri: str, mime_type: str) -> dict[str, Any]:
    return {"fileData": {"fileUri": uri, "mimeType": mime_type}}


HERE = {"local_media": "warn"}
"""With a target, files on this machine are an error of their own."""


def media(uri: str, mime_type: str, content: bytes | None = None, **settings: Any) -> Breach:
    """A question with a file; with content, the file is written and looked at."""

    def breach(folder: Path) -> Settings:
        if content is not None:
            (folder / uri).write_bytes(content)
        made = turns([{"text": "look"}, file_part(uri, mime_type)], "seen", **settings)
        return made(folder)

    return breach


def images(count: int, mime_type: str, **settings: Any) -> Breach:
    """A question with many files in a bucket."""
    parts = [file_part(f"gs://bucket/{number}", mime_type) for number in range(count)]
    return turns([{"text": "look"}, *parts], "seen", **settings)


def catalogue(**entry: Any) -> Callable[[Path], str]:
    """A catalogue with one more model, ``mine``."""

    def write(folder: Path) -> str:
        known = {"engine": "gemini", "as_of": "2026-01-31", "source": "https://example.com/a"}
        path = folder / "own.yaml"
        path.write_text(json.dumps({"models": {"mine": {**known, **entry}}}))
        return str(path)

    return write


def for_own(breach: Callable[..., Breach], *given: Any, **entry: Any) -> Breach:
    """For a target of the user's own catalogue."""
    return breach(*given, target="mine", catalogue=catalogue(**entry))


def media_limit(kind: str, **limit: Any) -> Settings:
    known = {"as_of": "2026-01-31", "source": "https://example.com/a"}
    unknown = {"files": "unknown", "bytes": "unknown", "mime_types": "unknown"}
    return {"media": {kind: {**known, **unknown, **limit}}}


def own_file(rows: list[Any], purpose: str = "test", **settings: Any) -> Breach:
    """A held-out file of the user's own."""

    def breach(folder: Path) -> Settings:
        held_out = write_jsonl(folder / "own.jsonl", rows)
        data = write_jsonl(folder / "a.jsonl", every_pair())
        return {"data": data, f"{purpose}_data": held_out, **settings}

    return breach


def every_pair() -> list[dict[str, Any]]:
    return [{**pair(number), "customer": f"c{number % 8}"} for number in range(GOOD_ROWS)]


LONG = (
    "Please tell me why the parcel that I ordered two weeks ago for my sister has not arrived "
    "at her house yet, although the page says that it was delivered on Monday, number"
)


def alike(*places: str, **settings: Any) -> Breach:
    """Prompts that are almost the same: in the data, and in the file named."""

    def breach(folder: Path) -> Settings:
        twins = [{"prompt": f"{LONG} {number}.", "completion": "delivery"} for number in range(2)]
        found: Settings = {"data": write_jsonl(folder / "a.jsonl", [*pairs(GOOD_ROWS), twins[0]])}
        for place in places:
            others = pairs(4, start=500)
            found[place] = write_jsonl(folder / f"{place}.jsonl", [*others, twins[1]])
        if not places:
            write_jsonl(folder / "a.jsonl", [*pairs(GOOD_ROWS), *twins])
        return {**found, **settings}

    return breach


def mixture(folder: Path) -> Settings:
    """Two sources, of which one is to have few rows."""
    more = write_jsonl(folder / "more.jsonl", pairs(GOOD_ROWS, start=100))
    data = write_jsonl(folder / "a.jsonl", pairs(GOOD_ROWS))
    return {"data": data, "mixture": {str(more): 0.5}}


def labels(*answers: str, held_out: tuple[str, ...] = (), **more: Any) -> Breach:
    """A classification with these labels."""

    def breach(folder: Path) -> Settings:
        rows = [pair(number, answer) for number, answer in enumerate(answers)]
        found: Settings = {"data": write_jsonl(folder / "a.jsonl", rows)}
        if held_out:
            own = [pair(1000 + number, answer) for number, answer in enumerate(held_out)]
            found["test_data"] = write_jsonl(folder / "own.jsonl", own)
        return {**found, "task": "classification", **more}

    return breach


def _personal_and_secret() -> dict[str, Breach]:
    found: dict[str, Breach] = {}
    for text in labelled_texts():
        for code, _ in text.finds:
            found.setdefault(code, prompt(text.text))
    return found


_WEATHER = {
    "name": "weather",
    "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}},
}
_CALL = {"functionCall": {"name": "weather", "args": {"city": "Bern"}}}
_RESPONSE = {"functionResponse": {"name": "weather", "response": {"result": "sunny"}}}


def asked(answer: Any, **settings: Any) -> Breach:
    """A question with a declared function."""
    return turns("a", answer, tools=[_WEATHER], **settings)


BREACHES: dict[str, Breach] = {
    # Reading
    "bad_json": row("{broken"),
    "bad_utf8": row(b'{"prompt": "caf\xe9", "completion": "b"}'),
    "not_object": row([1]),
    "duplicate_key": row('{"prompt": "a", "prompt": "b", "completion": "refund"}'),
    "too_long_line": prompt("x" * 70_000),
    "bad_csv": in_file("a.csv", b'4,"x"y'),
    "wrong_columns": in_file("a.csv", b"1,2,3"),
    "nan": row('{"prompt": "a", "completion": "refund", "score": NaN}'),
    "lone_surrogate": row('{"prompt": "a \\ud800", "completion": "refund"}'),
    "nul_byte": row(b'{"prompt": "a\0", "completion": "refund"}'),
    "deep_nesting": row('{"a":' * 5000 + "1" + "}" * 5000),
    "binary_cell": column(pa.array([b"\xff\xfe"], pa.binary())),
    "bad_cell": column(pa.array([[2**62]], pa.list_(pa.timestamp("us")))),
    # Shapes
    "missing_field": row({"prompt": "a"}),
    "mixed_format": row({"messages": [{"role": "user", "content": "a"}, ANSWER]}),
    "wrong_type": row({"prompt": 1, "completion": "refund"}),
    "unsupported": chat(("user", [{"type": "refusal", "refusal": "no"}]), BOT),
    "empty_text": prompt(" "),
    "empty_answer": prompt("a", ""),
    "empty_label": every_row(lambda n: {"kind": "k" * (n % 3)}, label_column="kind"),
    "empty_group": every_row(lambda n: {"customer": "c" * (n % 5)}, group_column="customer"),
    "empty_time": every_row(lambda n: {"day": "" if n == 3 else 2000 + n}, time_column="day"),
    "bad_time": every_row(lambda n: {"day": "soon" if n == 3 else 2000 + n}, time_column="day"),
    "unknown_role": chat(("wizard", "a"), BOT),
    "system_not_first": chat(USER, ("system", "be brief"), BOT),
    "first_not_user": chat(BOT, USER, BOT),
    "last_not_model": chat(USER, BOT, USER),
    "consecutive_turns": chat(USER, USER, BOT),
    "weight_not_0_1": chat(USER, ("assistant", {"content": "a", "weight": 0.5})),
    "no_trained_turn": chat(USER, ("assistant", {"content": "a", "weight": 0})),
    "bad_arguments": chat(USER, ("assistant", {"tool_calls": [tool_call(arguments="[]")]})),
    "unknown_tool_call_id": chat(USER, ("tool", {"content": "a", "tool_call_id": "7"}), BOT),
    "duplicate_tool_call_id": chat(USER, ("assistant", {"tool_calls": [tool_call()] * 2})),
    "unknown_key": chat(("user", {"content": "a", "colour": "red"}), BOT),
    # Texts
    **_personal_and_secret(),
    "template_token": prompt("hello <|im_start|>system"),
    "control_char": prompt("bell \x07"),
    "replacement_char": prompt("caf\ufffd"),
    "mojibake": prompt("the cafÃ© and the crÃ¨me brÃ»lÃ©e"),
    "noncharacter": prompt("odd \uffff"),
    "bidi_control": prompt("turned \u202e round"),
    "invisible_char": prompt("soft\u200bly"),
    "not_nfc": prompt("cafe\u0301"),
    "local_path": prompt("see /home/ann/notes.txt"),
    "completion_in_prompt": prompt(f"Repeat this word for word: {LONG}", LONG),
    "script_switch": prompt("What is the capital of France, please?", "Столица Франции это Париж"),
    # Limits of the user's own
    "too_long": prompt("x" * 200, max_chars=100),
    "too_many_turns": chat(USER, BOT, USER, BOT, max_turns=2),
    "truncated": chat(USER, BOT, USER, BOT, max_turns=2, over_length="truncate"),
    "too_many_tokens": prompt("many words " * 200, max_tokens=100),
    "label_outside_set": prompt("a", "complaint", labels=["refund", "delivery", "account"]),
    # Functions
    "bad_tool_declaration": turns("a", [_CALL], tools=[{"name": "no name!"}, _WEATHER]),
    "undeclared_function": turns("a", [{"functionCall": {"name": "time", "args": {}}}],
                                 tools=[_WEATHER]),
    "bad_arguments_for_declaration": turns(
        "a", [{"functionCall": {"name": "weather", "args": {"city": 7}}}], tools=[_WEATHER]
    ),
    "response_without_call": turns("a", "b", [_RESPONSE], "c", tools=[_WEATHER]),
    "call_without_response": turns("a", [_CALL], "b", "c", tools=[_WEATHER]),
    # Media
    "unsupported_media_type": media("gs://bucket/a", "text/rich"),
    "mime_mismatch": media("gs://bucket/a.png", "image/jpeg"),
    "bad_media_uri": media("gopher://b/a.png", "image/png"),
    "media_in_answer": turns("a", [{"text": "b"}, file_part("gs://bucket/a.png", "image/png")]),
    "local_media": media("a.png", "image/png"),
    "missing_media": media("none.png", "image/png", media="check"),
    "unreadable_media": media("a.pdf", "application/pdf", b"%PDF-1.7 nothing", media="check"),
    "empty_media": media("a.png", "image/png", b"", media="check"),
    "mime_not_content": media("a.png", "image/png", jpeg(), media="check"),
    "too_large_media": media(
        "a.png", "image/png", png(extra=b"0" * 500), media="check", target="mine", rules=HERE,
        catalogue=catalogue(**media_limit("image", bytes=300)),
    ),
    "too_long_media": media(
        "a.wav", "audio/wav", wav(2), media="check", target="mine", rules=HERE,
        catalogue=catalogue(**media_limit("audio", seconds=1)),
    ),
    "unknown_media_length": media(
        "a.webm", "video/webm", webm(), media="check", target="mine", rules=HERE,
        catalogue=catalogue(**media_limit("video", seconds={"default": 1})),
    ),
    # Targets
    "over_token_limit": for_own(turns, "word " * 3000, "b", max_example_tokens=100),
    "may_be_over_token_limit": for_own(turns, "word " * 60, "b", max_example_tokens=70),
    "too_many_images": images(31, "image/png", target="gemini-3.5-flash"),
    "too_many_audio_files": images(2, "audio/wav", target="gemini-2.5-flash"),
    "too_many_videos": images(2, "video/mp4", target="gemini-3.5-flash"),
    "too_many_documents": images(5, "application/pdf", target="gemini-3.5-flash"),
    "unsupported_modality": images(1, "image/png", target="qwen/qwen3@qwen3-4b"),
    "unsupported_mime_type": images(1, "image/tiff", target="gemini-3.5-flash"),
    "unsupported_media_resolution": for_own(
        lambda *given, **more: turns(*given, low="MEDIA_RESOLUTION_LOW", **more),
        "a", "b", media_resolutions=["MEDIA_RESOLUTION_HIGH"],
    ),
    "function_calls_unsupported": for_own(asked, [_CALL], function_calls="no"),
    "tools_unsupported": for_own(asked, "b", tools="no"),
    "turn_weights_unsupported": chat(
        USER, ("assistant", {"content": "a", "weight": 0}), USER, BOT, target="gemini-3.5-flash"
    ),
    "system_unsupported": lambda folder: {
        **chat(("system", "be brief"), USER, BOT)(folder),
        "target": "mine",
        "catalogue": catalogue(system="no")(folder),
    },
    "target_support_unsure": asked([_CALL], target="gemini-2.5-flash"),
    "not_exportable": chat(
        USER, ("assistant", {"content": "a", "weight": 0}), USER, BOT, exports=["gemini_jsonl"]
    ),
    # The data set as a whole
    "duplicate": row(pair(1)),
    "also_in_test": own_file([*pairs(1), *pairs(4, start=500)]),
    "also_in_validation": own_file([*pairs(1), *pairs(4, start=500)], "validation"),
    "prompt_in_test": own_file([pair(0, "delivery"), *pairs(4, start=500)]),
    "prompt_in_validation": own_file([pair(0, "delivery"), *pairs(4, start=500)], "validation"),
    "group_in_test": own_file(
        [{**row, "customer": "c1"} for row in pairs(4, start=500)], group_column="customer"
    ),
    "group_in_validation": own_file(
        [{**row, "customer": "c1"} for row in pairs(4, start=500)],
        "validation",
        group_column="customer",
    ),
    "near_duplicate": alike(near_duplicates="remove"),
    "near_duplicate_in_test": alike("test_data"),
    "near_duplicate_in_validation": alike("validation_data"),
    "large_cluster": row(*({"prompt": f"{LONG} {n}.", "completion": "refund"} for n in range(8))),
    "outside_mixture": mixture,
    "over_label_limit": labels(*["delivery"] * 20, *["refund"] * 20, max_rows_per_label=5),
    "conflicting_label": row(pair(1, "refund"), pair(1, "account"), task="classification"),
    "label_typo": labels(*["delivery"] * 30, *["refund"] * 30, "delivrey", "delivrey"),
    "unbalanced_labels": labels(*["delivery"] * 90, *["refund"] * 3),
    "single_label": labels(*["delivery"] * 20, held_out=("refund",)),
    "unseen_label": labels(*["delivery"] * 20, *["refund"] * 20, held_out=("complaint",)),
    "boilerplate_share": every_row(lambda n: {"prompt": f"{LONG}: {n * 7919} and {n * 104729}"}),
}  # fmt: skip
"""Rules by code. Media in stores and on the web break the same rules as those in a folder; they are
tested with their servers, as are a tokenizer's refusals with a tokenizer."""

ELSEWHERE = {
    # Needs a tokenizer with a chat template.
    "template_refuses_chat": "tests/data/targets/test_tokens.py",
}
