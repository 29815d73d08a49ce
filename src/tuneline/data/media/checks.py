"""The rules for media: those that the rows alone can answer, and the table of all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuneline.data.checks.rule import Hit, Rule
from tuneline.data.media.mime_types import is_mime_type, modality, same_type, type_of_suffix
from tuneline.data.media.placed import files_of
from tuneline.data.media.problem import MediaProblem
from tuneline.data.media.uris import parse_media_uri, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tuneline.data.batch import Batch
    from tuneline.data.schema import File

RULES: tuple[Rule, ...] = (
    Rule(
        "unsupported_media_type",
        "error",
        "A file's MIME type is malformed, or none of image, audio, video or document.",
        "Give the type of the file, such as image/png.",
    ),
    Rule(
        "mime_mismatch",
        "warn",
        "A file's MIME type and the suffix of its URI name different types.",
        "Correct whichever is wrong; set media to check to have the content looked at.",
    ),
    Rule(
        "bad_media_uri",
        "error",
        "A media URI is malformed, of a kind that is not opened, or leads to a place that data may "
        "not name.",
        "Use gs://, s3://, https:// on the public internet, or a path at or below the data file.",
    ),
    Rule(
        "media_in_answer",
        "error",
        "A file stands in a turn of the model, which answers in text.",
        "Move the file to the user's turn before it.",
    ),
    Rule(
        "local_media",
        "warn",
        "A file is on this machine, where no service can read it.",
        "Set media_upload to a bucket, or put the file there and give its URI.",
    ),
    Rule(
        "missing_media",
        "error",
        "There is no file behind a media URI.",
        "Correct the URI or put the file there.",
    ),
    Rule(
        "unreadable_media",
        "error",
        "A media file is there, but may not be read or is damaged.",
        "Grant these credentials the right to read it, or save it anew.",
    ),
    Rule("empty_media", "error", "A media file has no byte.", "Put the real file there."),
    Rule(
        "mime_not_content",
        "error",
        "The content of a media file is of another type than its MIME type says.",
        "Give the type that the content has, or convert the file.",
    ),
    Rule(
        "too_large_media",
        "error",
        "A media file has more bytes than the target takes.",
        "Make it smaller: scale, compress or cut it.",
    ),
    Rule(
        "too_long_media",
        "error",
        "Audio or video lasts longer, or PDFs have more pages, than the target takes.",
        "Cut it, or choose a clip with videoMetadata.",
    ),
    Rule(
        "unknown_media_length",
        "warn",
        "The duration of audio or video, which the target limits, cannot be told.",
        "Convert it to MP4, WAV or MP3 to have it checked.",
    ),
)
"""Every rule for media."""


@dataclass(frozen=True, slots=True)
class MediaChecks:
    """The checks of media that open nothing.

    Args:
        uploads: Local files will be uploaded (setting ``media_upload``), so they are no finding.
        allow_loopback: Take URLs of this machine, for tests.
    """

    uploads: bool = False
    allow_loopback: bool = False

    def __call__(self, batch: Batch) -> Iterator[Hit]:
        """Yield what is wrong with the files of a batch."""
        for place in files_of(batch):
            in_answer = batch.examples[place.index].turns[place.turn].role == "model"
            for problem in self._problems(place.file, in_answer=in_answer):
                message = f"{shown(place.file.uri)} {problem.message}"
                yield Hit(place.index, problem.code, place.field(batch), message)

    def _problems(self, file: File, *, in_answer: bool) -> Iterator[MediaProblem]:
        if in_answer:
            yield MediaProblem("media_in_answer", "stands in the model's turn.")
        declared = file.mime_type[:80]
        if not is_mime_type(file.mime_type):
            yield MediaProblem(
                "unsupported_media_type", f"has the MIME type {declared!r}, which is malformed."
            )
        elif modality(file.mime_type) is None:
            yield MediaProblem(
                "unsupported_media_type",
                f"is {declared}, which is neither image, audio, video nor document.",
            )
        try:
            place = parse_media_uri(file.uri, allow_loopback=self.allow_loopback)
        except MediaProblem as problem:
            yield problem
            return
        if place.scheme == "local" and not self.uploads:
            yield MediaProblem("local_media", "is on this machine.")
        named = type_of_suffix(file.uri)
        if (
            named is not None
            and is_mime_type(file.mime_type)
            and not same_type(named, file.mime_type)
        ):
            yield MediaProblem("mime_mismatch", f"is declared as {declared}, but named as {named}.")
