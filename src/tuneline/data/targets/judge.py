"""The target's judgement of data that was read and split."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np

from tuneline.data.split.names import SPLITS
from tuneline.data.targets.summary import SplitNumbers, check_target
from tuneline.data.targets.tokens import token_counter

if TYPE_CHECKING:
    from tuneline.data.collection import Collection
    from tuneline.data.plan import Plan
    from tuneline.data.settings import PrepareSettings
    from tuneline.data.split.names import SplitName
    from tuneline.data.targets.catalogue import ModelEntry
    from tuneline.data.targets.summary import TargetSummary


def judge(
    entry: ModelEntry, settings: PrepareSettings, collection: Collection, plan: Plan
) -> TargetSummary:
    """What the target makes of the training and validation splits, and what tuning costs."""
    validation = _numbers("validation", collection, plan)
    return check_target(
        entry,
        token_counter(settings.tokenizer, entry),
        _numbers("train", collection, plan),
        validation if len(validation.kinds) else None,
        rejected=collection.rejected,
        epochs=settings.epochs or None,
        today=dt.datetime.now(dt.UTC).date(),
    )


def _numbers(split: SplitName, collection: Collection, plan: Plan) -> SplitNumbers:
    chosen = plan.fates == SPLITS.index(split)
    columns = collection.columns
    prompt_chars, answer_chars = columns["prompt_chars"][chosen], columns["answer_chars"][chosen]
    characters = prompt_chars.sum(dtype=np.int64) + answer_chars.sum(dtype=np.int64)
    return SplitNumbers(
        prompt_tokens=columns["prompt_tokens"][chosen],
        answer_tokens=columns["answer_tokens"][chosen],
        kinds=columns["kinds"][chosen],
        turns=columns["turns"][chosen],
        characters=int(characters),
        file_bytes=int(columns["export_bytes"][chosen].sum(dtype=np.int64)),
    )
