"""`tuneline prepare`: from the user's files to splits, left-out rows, a manifest and a report."""

from __future__ import annotations

import logging
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from tuneline.data.describe import describe
from tuneline.data.exports.exporter import EXPORTERS
from tuneline.data.manifest import Manifest, WrittenFile, manifest_of
from tuneline.data.memory import give_back
from tuneline.data.plan import make_plan, show_gone
from tuneline.data.reading.collect import collect, new_collection
from tuneline.data.reading.pool import worker_count
from tuneline.data.reading.stages import target_entry
from tuneline.data.report.page import make_report
from tuneline.data.schema import ExamplesInfo
from tuneline.data.sources.opened import opened
from tuneline.data.split.names import SPLITS
from tuneline.data.spool import Spool
from tuneline.data.targets.judge import judge
from tuneline.data.writing.names import export_path
from tuneline.data.writing.second_pass import write_all
from tuneline.data.writing.split_writer import SplitWriter
from tuneline.errors import ConfigurationError, DataError
from tuneline.files import machine_errors, new_file, sha256_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tuneline.data.collection import Collection
    from tuneline.data.plan import Plan
    from tuneline.data.settings import PrepareSettings
    from tuneline.data.sources.source import Source

_log = logging.getLogger("tuneline")


@dataclass(frozen=True, slots=True)
class PreparedPaths:
    """Where everything goes; the names are free. ``exports`` is a folder."""

    train: Path
    validation: Path
    test: Path
    rejected: Path
    report: Path
    manifest: Path
    exports: Path

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
            exports=folder,
        )

    def all_exports(self) -> set[Path]:
        """Where exports of any form stand, of this run or an earlier one."""
        return {export_path(self.exports, split, name) for split in SPLITS for name in EXPORTERS}

    def files(self, settings: PrepareSettings) -> dict[str, Path]:
        """Every data file by its name in the manifest."""
        named = {name: getattr(self, name) for name in (*SPLITS, "rejected")}
        for export in settings.exports:
            for split in SPLITS:
                path = export_path(self.exports, split, export)
                named[path.name] = path
        return named


def prepare(settings: PrepareSettings, outputs: PreparedPaths) -> Manifest:
    """Read, check, deduplicate and split the user's files.

    Every output appears whole, the manifest last; if anything fails, none appears. Equal inputs and
    settings give equal bytes, whatever the number of workers.

    Args:
        settings: What to read and how.
        outputs: Where to write.

    Raises:
        ConfigurationError: A file is missing, or a setting names nothing.
        DataError: The data cannot be used: see the message.
        MachineError: An output cannot be written.
        ServiceError: A remote file cannot be fetched.
    """
    with opened(settings.given) as sources:
        _require_apart(sources, outputs)
        return prepare_sources(settings, sources, outputs)


def _require_apart(sources: Sequence[Source], outputs: PreparedPaths) -> None:
    """Refuse to write over a source, and to read what an earlier run wrote.

    Raises:
        ConfigurationError: An output is a source, or lies where a folder or glob looks.
    """
    own = {getattr(outputs, field.name).resolve() for field in fields(outputs)}
    folder = outputs.manifest.resolve().parent
    for source in sources:
        if source.base is None:
            continue
        path = (source.base / source.path.name).resolve()
        given = Path(source.mixture.removeprefix("file://")).expanduser()
        several = given.is_dir() or not given.exists()
        inside = path.is_relative_to(folder) if several else path in own
        below = given.is_dir() and folder.is_relative_to(given.resolve())
        if inside or below:
            raise ConfigurationError(
                f"{source.mixture}: the outputs in {outputs.manifest.parent} would be written "
                "over it, or read as data by the next run. Choose another folder for them."
            )


def prepare_sources(
    settings: PrepareSettings, sources: Sequence[Source], outputs: PreparedPaths
) -> Manifest:
    """Do what `prepare` does with files that are at hand already."""
    with ExitStack() as stack:
        # Left in reverse: the manifest, entered first, gets its final name last.
        manifest_path = stack.enter_context(new_file(outputs.manifest))
        report_path = stack.enter_context(new_file(outputs.report))
        staged = {
            name: stack.enter_context(new_file(path))
            for name, path in reversed(outputs.files(settings).items())
        }
        with machine_errors(outputs.manifest):
            manifest, report = _write(settings, sources, staged)
            report_path.write_text(report, encoding="utf-8")
            described = manifest.model_dump_json(indent=2) + "\n"
            manifest_path.write_text(described, encoding="utf-8")
        # While files of a former run are replaced one by one, no manifest claims to describe them.
        outputs.manifest.unlink(missing_ok=True)
        for stale in outputs.all_exports() - set(outputs.files(settings).values()):
            stale.unlink(missing_ok=True)
    for finding in manifest.findings:
        _log.warning("data: %s", finding.sentence)
    return manifest


def _write(
    settings: PrepareSettings, sources: Sequence[Source], staged: Mapping[str, Path]
) -> tuple[Manifest, str]:
    with tempfile.TemporaryDirectory(prefix=".spool.", dir=staged["train"].parent) as folder:
        exports = tuple(name for name in settings.exports if EXPORTERS[name].is_text)
        spool = Spool(Path(folder), exports)
        collection = new_collection(settings, spool)
        collect(settings, sources, spool, collection)
        plan = make_plan(collection, settings, spool)
        show_gone(collection, plan)
        entry = target_entry(settings)
        target = judge(entry, settings, collection, plan) if entry else None
        description = describe(settings, collection, plan, target)
        if description.refusals:
            raise DataError("\n".join(description.refusals))
        give_back()
        threaded = worker_count(settings.workers, sources) > 1
        rows = _write_files(settings, spool, collection, plan, staged, threaded=threaded)
        names = sorted(staged)
        with ThreadPoolExecutor(2 if threaded else 1) as pool:
            digests = pool.map(sha256_file, [staged[name] for name in names])
            files = {
                name: WrittenFile(rows=rows[name], bytes=staged[name].stat().st_size, sha256=digest)
                for name, digest in zip(names, digests, strict=True)
            }
        give_back()
        manifest = manifest_of(settings, description, files)
        report = make_report(settings, manifest, collection, plan, staged["train"])
        return manifest, report


def _write_files(
    settings: PrepareSettings,
    spool: Spool,
    collection: Collection,
    plan: Plan,
    staged: Mapping[str, Path],
    *,
    threaded: bool,
) -> dict[str, int]:
    """Write every data file; return the rows of each."""
    with ExitStack() as stack:
        writers = [
            stack.enter_context(
                SplitWriter(
                    staged[split],
                    ExamplesInfo(split, plan.task, plan.labels),
                    {
                        export: staged[export_path(Path(), split, export).name]
                        for export in settings.exports
                    },
                    threaded=threaded,
                )
            )
            for split in SPLITS
        ]
        left_out = write_all(
            spool, collection, plan, writers, staged["rejected"], threaded=threaded
        )
    rows = {"rejected": left_out}
    for split, writer in zip(SPLITS, writers, strict=True):
        rows[split] = writer.rows
        for export in settings.exports:
            rows[export_path(Path(), split, export).name] = writer.rows
    return rows
