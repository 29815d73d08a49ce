"""From a split's Parquet file to token sequences that say which tokens are answers."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from tuneline.data.schema import count_examples, read_examples
from tuneline.errors import DataError, TunelineError
from tuneline.files import new_folder
from tuneline.models.chat import encode, marked_texts, to_messages
from tuneline.training.sequences.store import SplitFacts, StoredSplit, StoreWriter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tuneline.data.schema import Example
    from tuneline.models.chat import MarkedText, TrainingSequence
    from tuneline.training.distributed.ranks import Ranks
    from tuneline.training.settings import TrainingSettings

_ROWS_AT_ONCE = 512


def encode_split(
    path: Path,
    tokenizer: Any,
    settings: TrainingSettings,
    longest: int,
    folder: Path,
    ranks: Ranks,
) -> StoredSplit:
    """Encode every example of a split; the processes of a machine share the work.

    Args:
        path: Canonical Parquet file.
        tokenizer: The base model's tokenizer.
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
            _write(path, share, tokenizer, longest, own)
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


def _write(path: Path, rows: range, tokenizer: Any, longest: int, folder: Path) -> None:
    """Encode some rows of a split into a folder, which is whole or absent."""
    facts = SplitFacts(examples=len(rows))
    numbered = zip(rows, read_examples(path, rows=rows), strict=True)
    with new_folder(folder) as temporary, StoreWriter(temporary) as store:
        while batch := list(islice(numbered, _ROWS_AT_ONCE)):
            store.add(_kept(batch, tokenizer, longest, facts))
        store.finish(facts)


def _kept(
    batch: Sequence[tuple[int, Example]], tokenizer: Any, longest: int, facts: SplitFacts
) -> Iterator[tuple[int, TrainingSequence]]:
    texts = [_marked(example, tokenizer) for _, example in batch]
    encoded = iter(encode(tokenizer, [text for own in texts for text in own]))
    for (place, example), own in zip(batch, texts, strict=True):
        sequences = list(islice(encoded, len(own)))
        where = f"{example.source}:{example.row}"
        length = max((len(sequence.input_ids) for sequence in sequences), default=0)
        if not sequences or not all(sequence.trained_tokens for sequence in sequences):
            facts.untrained.add(where)
        elif length > longest:
            facts.too_long.add(f"{where}: {length} tokens")
        else:
            for sequence in sequences:
                yield place, sequence


def _marked(example: Example, tokenizer: Any) -> list[MarkedText]:
    messages = to_messages(example)
    first = len(messages) - len(example.turns)  # behind the system instruction, if there is one
    untrained = {first + i for i, turn in enumerate(example.turns) if not turn.trained}
    return marked_texts(tokenizer, messages, untrained)
