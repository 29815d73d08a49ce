"""What happens to examples between reading and keeping them, by the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tuneline.data.checks.label_set import LabelSet
from tuneline.data.checks.limits import LengthLimits, truncate_examples
from tuneline.data.checks.masking import mask_examples
from tuneline.data.checks.normalize import normalize
from tuneline.data.checks.text import TextChecks
from tuneline.data.checks.tool_calls import tool_calls
from tuneline.data.exports.exporter import export_all
from tuneline.data.media.checks import MediaChecks
from tuneline.data.settings import severities
from tuneline.data.sources.locate import require_module
from tuneline.data.targets.catalogue import load_catalogue
from tuneline.data.targets.limits import token_and_target_checks
from tuneline.data.targets.tokens import token_counter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tuneline.data.batch import Batch
    from tuneline.data.checks.rule import Hit
    from tuneline.data.media.inspection import MediaInspector
    from tuneline.data.media.upload import MediaUploader
    from tuneline.data.schema import Example
    from tuneline.data.settings import ExportName, PrepareSettings
    from tuneline.data.targets.catalogue import ModelEntry


class Changed(NamedTuple):
    """Examples after the changes that the user chose, as many as before.

    ``hits`` say what was cut; ``masked`` counts replaced values by code.
    """

    examples: list[Example]
    hits: list[Hit]
    masked: Mapping[str, int]


class Stages:
    """The changes, checks and exports of one run; every process makes its own.

    Args:
        settings: What the user chose.
        writes: Whether anything is written; else local media are looked up and not uploaded.

    Raises:
        ConfigurationError: The target is not in the catalogue, or the tokenizer cannot be loaded.
    """

    def __init__(self, settings: PrepareSettings, *, writes: bool) -> None:
        self.settings = settings
        self.severities = severities(settings.rules)
        self.entry = target_entry(settings)
        if self.entry is not None and "local_media" not in settings.rules:
            self.severities["local_media"] = "error"  # no service reads this machine's files
        self.counter = token_counter(settings.tokenizer, self.entry)
        self.exports = exports_to_make(settings, self.entry)
        self._limits = LengthLimits(settings.max_chars, settings.max_turns)
        self._uploader = _uploader(settings)
        self._writes = writes
        self._inspector = _inspector(settings, self.entry)
        self._checks: list[Callable[[Batch], Iterator[Hit]]] = [
            MediaChecks(uploads=bool(settings.media_upload)),
            tool_calls,
            TextChecks(self.severities),
            self._limits,
            *token_and_target_checks(self.counter, self.entry, settings.max_tokens),
        ]
        if settings.labels:
            self._checks.append(LabelSet(frozenset(settings.labels), settings.label_column))

    def transform(self, examples: list[Example]) -> Changed:
        """Normalise, mask and cut, in this order, whatever of it was chosen."""
        if self.settings.normalize:
            examples, _ = normalize(examples, self.settings.normalize)
        masked: Mapping[str, int] = {}
        if self.settings.mask:
            examples, masked = mask_examples(examples, self.settings.mask)
        hits: list[Hit] = []
        if self.settings.over_length == "truncate":
            examples, hits = truncate_examples(examples, self._limits)
        return Changed(examples, hits, masked)

    def check(self, batch: Batch, base: Path | None) -> Iterator[Hit]:
        """Everything that the rules find in a batch; ``base`` is the folder of its source."""
        for check in self._checks:
            yield from check(batch)
        if self._inspector is not None:
            yield from self._inspector.check(batch, base)

    def upload(self, batch: Batch, base: Path | None) -> tuple[list[Example], list[Hit]]:
        """Local media into the bucket, if there is one; the examples name what is there."""
        if self._uploader is None or not batch.examples:
            return batch.examples, []
        if not self._writes:
            return batch.examples, list(self._uploader.missing(batch, base))
        return self._uploader.apply(batch, base)

    def export(
        self, examples: Sequence[Example]
    ) -> tuple[dict[ExportName, list[bytes]], list[Hit]]:
        """Lines of every export that is made, and the examples that one of them cannot hold."""
        return export_all(examples, self.exports)

    def target_bytes(self, lines: Mapping[ExportName, Sequence[bytes]]) -> np.ndarray:
        """Bytes of each example's line for the target; empty without a target."""
        if self.entry is None:
            return np.empty(0, np.uint32)
        own = lines[target_export(self.entry)]
        return np.array([len(line) + 1 for line in own], np.uint32)


def _uploader(settings: PrepareSettings) -> MediaUploader | None:
    if not settings.media_upload:
        return None
    # Imported where it is wanted: what reads media and stores takes a while to load.
    from tuneline.data.media.upload import MediaUploader

    return MediaUploader(settings.media_upload)


def _inspector(settings: PrepareSettings, entry: ModelEntry | None) -> MediaInspector | None:
    if settings.media == "off":
        return None
    for module in ("filetype", "pypdf", "tinytag"):
        require_module("media=check", module, "media")
    from tuneline.data.media.inspection import MediaInspector
    from tuneline.data.targets.media_limits import media_limits

    return MediaInspector(media_limits(entry) if entry else None)


def target_entry(settings: PrepareSettings) -> ModelEntry | None:
    """The target of the catalogue, if the settings name one."""
    if not settings.target:
        return None
    return load_catalogue(settings.catalogue).find(settings.target)


def target_export(entry: ModelEntry) -> ExportName:
    """The export that a target reads."""
    return "gemini_jsonl" if entry.engine == "gemini" else "messages_jsonl"


def exports_to_make(settings: PrepareSettings, entry: ModelEntry | None) -> list[ExportName]:
    """The exports that were asked for, and that of the target, which its limits are judged by."""
    needed = [target_export(entry)] if entry else []
    return list(dict.fromkeys([*settings.exports, *needed]))
