"""From a split's Parquet file to token sequences that say which tokens are answers."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Protocol

from tuneline.data.schema import count_examples, read_examples
from tuneline.errors import DataError, TunelineError
from tuneline.files import new_folder
from tuneline.models.chat import images_of
from tuneline.training.sequences.store import SplitFacts, StoredSplit, StoreWriter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tuneline.data.schema import Example
    from tuneline.models.chat import TrainingSequence
    from tuneline.training.distributed.ranks import Ranks
    from tuneline.training.sequences.store import Shown
    from tuneline.training.settings import TrainingSettings

    EncodedRow = list[tuple[TrainingSequence, Shown | None]]

_ROWS_AT_ONCE = 512


class RowEncoder(Protocol):
    """Makes token sequences of examples."""

    def encoded(self, examples: Sequence[Example]) -> Iterator[EncodedRow]:
        """The sequences of each example, and what a model with images is shown of each."""
        ...


def encode_split(
    path: Path,
    encoder: RowEncoder,
    settings: TrainingSettings,
    longest: int,
    folder: Path,
    ranks: Ranks,
) -> StoredSplit:
    """Encode every example of a split; the processes of a machine share the work.

    Args:
        path: Canonical Parquet file.
        encoder: Makes the sequences.
        settings: Says what happens to examples over the limit.
        longest: The limit, in tokens.
        folder: Where the sequences are put; those that lie there already are taken as they are.
        ranks: The run's processes.

    Raises:
        ConfigurationError: The model's chat template does not fit the examples.
        DataError: The split is empty; or it holds examples over the limit and ``on_too_long`` is
            ``error``, or none is left; or examples with nothing to learn. All are counted, the
            first named.
    """
    total = count_examples(path)
    if not total:
        raise DataError(f"{path}: this split holds no examples. Prepare more data.")
    pieces = [
        folder / f"{ranks.node}-{rank}-of-{ranks.local_world}" for rank in range(ranks.local_world)
    ]
    own, share = pieces[ranks.local_rank], _share(total, ranks.local_rank, ranks.local_world)
    raised = None
    try:
        if not own.is_dir():
            _write(path, share, encoder, longest, own)
    except TunelineError as error:
        raised = error
    # In every process what any of them found, so that none waits for another.
    for found in ranks.gathered(raised):
        if found is not None:
            raise found
    split = StoredSplit.open(pieces)
    _require_fitting(path, split.facts, settings, longest)
    return split


def _share(total: int, part: int, parts: int) -> range:
    return range(total * part // parts, total * (part + 1) // parts)


def _require_fitting(
    path: Path, facts: SplitFacts, settings: TrainingSettings, longest: int
) -> None:
    if facts.untrained.count:
        raise DataError(
            f"{path}: {facts.untrained.count} of {facts.examples} examples hold nothing to learn, "
            f"since each answer has weight 0:{_lines(facts.untrained.named)}\n"
            "Remove them, or give an answer weight 1."
        )
    count = facts.too_long.count
    if count and (settings.on_too_long == "error" or count == facts.examples):
        raise DataError(
            f"{count} of {facts.examples} examples are longer than {longest} tokens:"
            f"{_lines(facts.too_long.named)}\n"
            "Raise max_length where the model allows it, shorten them, or set on_too_long: drop."
        )


def _lines(rows: Sequence[str]) -> str:
    return "".join(f"\n  {row}" for row in rows)


def _write(path: Path, rows: range, encoder: RowEncoder, longest: int, folder: Path) -> None:
    """Encode some rows of a split into a folder, which is whole or absent."""
    facts = SplitFacts(examples=len(rows))
    numbered = zip(rows, read_examples(path, rows=rows), strict=True)
    with new_folder(folder) as temporary, StoreWriter(temporary) as store:
        while batch := list(islice(numbered, _ROWS_AT_ONCE)):
            store.add(_kept(batch, encoder, longest, facts))
        store.finish(facts)


def _kept(
    batch: Sequence[tuple[int, Example]], encoder: RowEncoder, longest: int, facts: SplitFacts
) -> Iterator[tuple[int, TrainingSequence, Shown | None]]:
    encoded = encoder.encoded([example for _, example in batch])
    for (place, example), row in zip(batch, encoded, strict=True):
        where = f"{example.source}:{example.row}"
        length = max((len(sequence.input_ids) for sequence, _ in row), default=0)
        if not row or not all(sequence.trained_tokens for sequence, _ in row):
            facts.untrained.add(where)
        elif length > longest:
            facts.too_long.add(f"{where}: {length} tokens")
        else:
            facts.images += len(images_of(example))
            facts.without_images += sum(not (shown and shown.images) for _, shown in row)
            for sequence, shown in row:
                yield place, sequence, shown
