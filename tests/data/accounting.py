"""The accounting that every run of the data stage must keep, read back from its files."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tuneline.data.manifest import Manifest
from tuneline.files import sha256_file

SPLIT_NAMES = ("train", "validation", "test")


def require_reconciled(folder: Path, manifest: Manifest) -> list[dict[str, Any]]:
    """Every count must agree with every other and with the files; return the left-out rows."""
    written = json.loads((folder / "manifest.json").read_bytes())
    assert written == json.loads(manifest.model_dump_json())
    left_out: list[dict[str, Any]] = pq.read_table(folder / "rejected.parquet").to_pylist()
    _require_totals(written)
    _require_sources(written)
    _require_files(folder, written)
    _require_left_out(written, left_out)
    _require_each_row_once(folder, written, left_out)
    return left_out


def _require_totals(written: dict[str, Any]) -> None:
    counts = written["counts"]
    assert counts["read"] == counts["kept"] + counts["rejected"] + counts["duplicates"]
    assert counts["kept"] == sum(counts["per_split"].values())
    assert counts["rejected"] + counts["duplicates"] == sum(counts["per_reason"].values())
    assert all(count > 0 for count in counts["per_reason"].values())


def _require_sources(written: dict[str, Any]) -> None:
    counts, sources = written["counts"], written["sources"]
    for source in sources:
        gone = source["rejected"] + source["duplicates"]
        assert source["rows"] == source["kept"] + gone, source["file"]
    assert counts["read"] == sum(source["rows"] for source in sources)
    for column in ("kept", "rejected", "duplicates"):
        assert counts[column] == sum(source[column] for source in sources), column


def _require_files(folder: Path, written: dict[str, Any]) -> None:
    files = written["files"]
    for name in (*SPLIT_NAMES, "rejected"):
        path = folder / f"{name}.parquet"
        assert pq.read_metadata(path).num_rows == files[name]["rows"], name
        assert sha256_file(path) == files[name]["sha256"], name
    assert {name: files[name]["rows"] for name in SPLIT_NAMES} == written["counts"]["per_split"]
    # One exported line for each kept row, in whatever files they are.
    exported = sorted(folder.rglob("*.jsonl"))
    if exported:
        lines = [line for path in exported for line in path.read_bytes().split(b"\n") if line]
        assert len(lines) == written["counts"]["kept"]
        assert all(isinstance(json.loads(line), dict) for line in lines)
    require_claims_hold(folder)


def require_claims_hold(folder: Path) -> None:
    """Each digest that the manifest names must be that of a file in the folder."""
    claimed = {file["sha256"] for file in _manifest(folder)["files"].values()}
    present = {sha256_file(path) for path in visible_files(folder)}
    assert claimed <= present


def visible_files(folder: Path) -> list[Path]:
    """Files under their final names: those that are not hidden."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and not any(step.startswith(".") for step in path.relative_to(folder).parts)
    )


def _manifest(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "manifest.json").read_bytes()))


def _require_left_out(written: dict[str, Any], left_out: list[dict[str, Any]]) -> None:
    counts = written["counts"]
    names = {source["file"] for source in written["sources"]}
    kinds = Counter(row["kind"] for row in left_out)
    assert kinds == Counter(rejected=counts["rejected"], duplicate=counts["duplicates"])
    assert Counter(row["reason"] for row in left_out) == Counter(counts["per_reason"])
    per_source = Counter((row["source"], row["kind"]) for row in left_out)
    for source in written["sources"]:
        assert per_source[source["file"], "rejected"] == source["rejected"]
        assert per_source[source["file"], "duplicate"] == source["duplicates"]
    for row in left_out:
        assert row["source"] in names
        assert row["row"] >= 1
        assert row["reason"]
        assert len(row["message"]) > 10
        # A file that ends too early has no text where more was expected.
        assert row["text"] or "the file ends" in row["message"], row


def _require_each_row_once(
    folder: Path, written: dict[str, Any], left_out: list[dict[str, Any]]
) -> None:
    places = [(row["source"], row["row"]) for row in left_out]
    for split in SPLIT_NAMES:
        table = pq.read_table(folder / f"{split}.parquet", columns=["source", "row", "example_id"])
        places += [(row["source"], row["row"]) for row in table.to_pylist()]
    assert len(set(places)) == len(places) == written["counts"]["read"]
