"""`tuneline prepare`: from the user's files to splits, left-out rows, a manifest and a report."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuneline.data.collector import Collector
from tuneline.data.findings import make_warnings
from tuneline.data.left_out import LeftOutWriter
from tuneline.data.manifest import Manifest, WrittenFile, make_manifest
from tuneline.data.plan import Plan, make_plan
from tuneline.data.report import make_report
from tuneline.data.schema import ExamplesInfo, write_encoded
from tuneline.data.sources import opened
from tuneline.data.split import SPLITS
from tuneline.data.spool import opened_spool
from tuneline.files import new_file, sha256_file

if TYPE_CHECKING:
    from pathlib import Path

    from tuneline.data.collection import Collection
    from tuneline.data.settings import PrepareSettings
    from tuneline.data.sources import Source
    from tuneline.data.spool import Spool

_log = logging.getLogger("tuneline")


@dataclass(frozen=True, slots=True)
class PreparedPaths:
    """Where everything goes; the names are free."""

    train: Path
    validation: Path
    test: Path
    rejected: Path
    report: Path
    manifest: Path

    @classmethod
    def in_folder(cls, folder: Path) -> PreparedPaths:
        """The names that ``tuneline prepare --out`` uses."""
        return cls(
            train=folder / "train.parquet",
            validation=folder / "validation.parquet",
            test=folder / "test.parquet",
            rejected=folder / "rejected.parquet",
            report=folder / "report.html",
            manifest=folder / "manifest.json",
        )


def prepare(settings: PrepareSettings, outputs: PreparedPaths) -> Manifest:
    """Read, check, deduplicate and split the user's files.

    Every output appears whole, the manifest last; if anything fails, none appears. Equal inputs and
    settings give equal bytes.

    Args:
        settings: What to read and how.
        outputs: Where to write.

    Raises:
        ConfigurationError: A file is missing.
        DataError: The data cannot be used: see the message.
        MachineError: An output cannot be written.
        ServiceError: A remote file cannot be fetched.
    """
    with opened(settings.uris) as sources, ExitStack() as stack:
        # Left in reverse: the manifest, entered first, gets its final name last.
        staged = PreparedPaths(
            manifest=stack.enter_context(new_file(outputs.manifest)),
            report=stack.enter_context(new_file(outputs.report)),
            rejected=stack.enter_context(new_file(outputs.rejected)),
            test=stack.enter_context(new_file(outputs.test)),
            validation=stack.enter_context(new_file(outputs.validation)),
            train=stack.enter_context(new_file(outputs.train)),
        )
        manifest = _write(settings, sources, staged)
        # While files of a former run are replaced one by one, no manifest claims to describe them.
        outputs.manifest.unlink(missing_ok=True)
    for warning in manifest.warnings:
        _log.warning("data: %s", warning)
    return manifest


def _write(settings: PrepareSettings, sources: list[Source], staged: PreparedPaths) -> Manifest:
    with opened_spool(staged.train.parent) as spool:
        with LeftOutWriter(staged.rejected) as left_out:
            collector = Collector(settings, spool.add, left_out.add)
            collector.collect(sources)
        collection = collector.collection
        plan = make_plan(collection, settings)
        files = _write_splits(spool, plan, staged)
    files["rejected"] = WrittenFile(rows=left_out.rows, sha256=sha256_file(staged.rejected))
    warnings = make_warnings(collection, plan)
    manifest = make_manifest(settings, collection, plan, files, warnings)
    _write_pages(manifest, collection, staged)
    return manifest


def _write_splits(spool: Spool, plan: Plan, staged: PreparedPaths) -> dict[str, WrittenFile]:
    files: dict[str, WrittenFile] = {}
    for split in SPLITS:
        path: Path = getattr(staged, split)
        info = ExamplesInfo(split, plan.task, plan.labels)
        lines = spool.examples(split, plan.splits, plan.label_names)
        files[split] = WrittenFile(rows=write_encoded(path, lines, info), sha256=sha256_file(path))
    return files


def _write_pages(manifest: Manifest, collection: Collection, staged: PreparedPaths) -> None:
    report = make_report(manifest, collection, staged.train)
    staged.report.write_text(report, encoding="utf-8")
    staged.manifest.write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
