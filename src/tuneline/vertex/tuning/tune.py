"""Managed tuning, from two splits to a tuned model behind a service."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from tuneline import __version__
from tuneline.data.schema import count_examples
from tuneline.data.targets.dataset import DatasetFacts, dataset_findings
from tuneline.data.targets.tokens import token_counter
from tuneline.errors import ServiceError
from tuneline.files import require_writable
from tuneline.models.source import base_model_fingerprint
from tuneline.vertex.credentials import application_credentials
from tuneline.vertex.place import Place
from tuneline.vertex.tuning.budget import priced, require_affordable
from tuneline.vertex.tuning.curves import read_curves
from tuneline.vertex.tuning.files import export_split
from tuneline.vertex.tuning.follow import run_job
from tuneline.vertex.tuning.limits import judge, location_of, require_possible
from tuneline.vertex.tuning.page import write_page
from tuneline.vertex.tuning.registered import require_there, with_version
from tuneline.vertex.tuning.request import SentFile, job_request
from tuneline.vertex.tuning.resources import noted_job, write_gcp_resources
from tuneline.vertex.tuning.result import Checkpoint, ManagedBase, ManagedResult, ManagedSplit
from tuneline.vertex.tuning.upload import place_of, require_weights, upload

if TYPE_CHECKING:
    from tuneline.data.targets.catalogue import ModelEntry
    from tuneline.data.targets.tokens import TokenCounter
    from tuneline.vertex.tuning.files import SentSplit
    from tuneline.vertex.tuning.request import JobRequest
    from tuneline.vertex.tuning.settings import ManagedSettings

logger = logging.getLogger("tuneline")

_WEIGHTS = "postprocess/node-0/checkpoints/final"
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class TuningPaths:
    """What a job leaves on disk.

    Attributes:
        result: result.json.
        resources: The job's name, in the form of google-cloud-pipeline-components; written as soon
            as there is a job.
        page: HTML page for people.
    """

    result: Path
    resources: Path
    page: Path


@dataclass(frozen=True, slots=True)
class _Plan:
    """What was found out before anything is sent."""

    entry: ModelEntry | None
    counter: TokenCounter
    splits: dict[str, SentSplit]
    cost_usd: float


def tune_managed(
    train: Path, validation: Path, settings: ManagedSettings, paths: TuningPaths
) -> ManagedResult:
    """Tune a model by a service: judge, price, upload, start, wait, and write down what came of it.

    The same call again, in whatever process, goes on with the job of the first.

    Args:
        train: Canonical Parquet of the training split.
        validation: Canonical Parquet of the validation split; may hold no rows.
        settings: The job.
        paths: Where to write.

    Raises:
        ConfigurationError: The model cannot do what is asked, it costs more than it may, or the
            service refuses. Nothing was started.
        DataError: A split is no canonical Parquet.
        MachineError: A file cannot be written.
        ServiceError: The job failed, took too long, or the service does not answer.
    """
    for path in (paths.result, paths.resources, paths.page):
        require_writable(path.parent)
    entry = require_possible(settings)
    settings = with_version(settings)
    place = Place(settings.project, location_of(settings, entry))
    with tempfile.TemporaryDirectory() as folder:
        plan = _plan(settings, entry, train, validation, Path(folder))
        files = {
            name: SentFile(place_of(settings.staging, split), split.file_digest)
            for name, split in plan.splits.items()
        }
        application_credentials()  # they fail before the upload
        for name, split in plan.splits.items():
            upload(files[name].uri, split)
    custom = settings.custom_base_model
    request = job_request(settings, place, files, base_model_fingerprint(custom) if custom else "")
    noted = noted_job(paths.resources)

    def started(name: str) -> None:
        write_gcp_resources(paths.resources, name)

    job = run_job(place, request, settings, started, noted)
    result = _result(job, request, settings, plan, files)
    if result.engine == "gemini":
        require_there(result.job, result.model)
    else:
        require_weights(result.weights_uri)
    write_page(paths.page, result)
    result.write(paths.result)
    return result


def _plan(
    settings: ManagedSettings,
    entry: ModelEntry | None,
    train: Path,
    validation: Path,
    folder: Path,
) -> _Plan:
    counter = token_counter(settings.tokenizer, entry)
    sources = {"train": train}
    if count_examples(validation):
        sources["validation"] = validation
    splits = {
        name: export_split(source, folder / f"{name}.jsonl", settings.engine, entry, counter)
        for name, source in sources.items()
    }
    judge(settings, [problem for split in splits.values() for problem in split.problems])
    if entry is not None:
        facts = DatasetFacts(**{name: split.numbers.facts for name, split in splits.items()})
        findings = dataset_findings(entry, facts)
        judge(settings, [each.sentence for each in findings if each.severity == "error"])
        for each in findings:
            if each.severity == "warn":
                logger.warning("tune: %s", each.sentence)
    cost, sentence = require_affordable(entry, settings, splits["train"], counter)
    logger.info("tune: %s", sentence)
    return _Plan(entry, counter, splits, cost)


def _result(
    job: Any,
    request: JobRequest,
    settings: ManagedSettings,
    plan: _Plan,
    files: dict[str, SentFile],
) -> ManagedResult:
    tuned = job.tuned_model
    model, endpoint = (tuned.model or "", tuned.endpoint or "") if tuned else ("", "")
    # Of the job that was found: it may have been sent from another folder of the bucket.
    output_uri = (job.output_uri or request.output_uri).rstrip("/")
    if settings.engine == "gemini" and not (model and endpoint):
        raise ServiceError(f"{job.name}: succeeded, and names no model and endpoint. Look it up.")
    statistics = _statistics(job)
    billed = int(statistics.get("totalBillableTokenCount", 0))
    usd = priced(plan.entry, settings)
    name = settings.tuned_from or settings.base_model
    return ManagedResult(
        tuneline_version=__version__,
        run_digest=request.digest,
        engine=settings.engine,
        method=settings.method,
        base_model=ManagedBase(
            reference=settings.base_model, digest=hashlib.sha256(name.encode()).hexdigest()
        ),
        base_weights=settings.custom_base_model or settings.base_weights,
        settings=settings.model_dump(mode="json"),
        data={
            name: ManagedSplit(
                digest=split.digest,
                rows=split.rows,
                tokens=split.numbers.tokens,
                uri=files[name].uri,
                file_digest=split.file_digest,
                file_bytes=split.numbers.file_bytes,
            )
            for name, split in plan.splits.items()
        },
        job=job.name,
        model=model,
        endpoint=endpoint if settings.engine == "gemini" else "",
        weights_uri=f"{output_uri}/{_WEIGHTS}" if settings.engine == "vertex-open" else "",
        checkpoints=_checkpoints(tuned),
        statistics=statistics,
        curves=read_curves(job.experiment or ""),
        experiment=job.experiment or "",
        token_counter=plan.counter.name,
        estimated_cost_usd=plan.cost_usd,
        billed_tokens=billed,
        cost_usd=billed * usd / _MILLION if billed and usd is not None else None,
        started=job.start_time,
        ended=job.end_time,
        seconds=_seconds(job),
    )


def _checkpoints(tuned: Any) -> list[Checkpoint]:
    found = (tuned.checkpoints or []) if tuned else []
    return [
        Checkpoint(
            checkpoint_id=each.checkpoint_id or "",
            epoch=each.epoch or 0,
            step=each.step or 0,
            endpoint=each.endpoint or "",
        )
        for each in found
    ]


def _statistics(job: Any) -> dict[str, Any]:
    """The service's statistics in its own names."""
    given = job.tuning_data_stats
    stats = given and given.supervised_tuning_data_stats
    if not stats:
        return {}
    # The examples that it quotes are the user's, and have no place in a report of numbers.
    text = stats.model_dump_json(
        by_alias=True, exclude_none=True, exclude={"user_dataset_examples"}
    )
    values: dict[str, Any] = orjson.loads(text)
    return values


def _seconds(job: Any) -> float:
    ended = job.end_time or dt.datetime.now(dt.UTC)
    return round((ended - job.create_time).total_seconds(), 1) if job.create_time else 0.0
