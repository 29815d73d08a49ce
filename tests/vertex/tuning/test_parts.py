"""Parts of managed tuning that need no service: names, settings, files, the budget, the page."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lamps import lamps
from tests.vertex.tuning.managed import FLASH, OPEN
from tuneline.data.schema import Example, ExamplesInfo, File, Part, Turn, write_examples
from tuneline.data.targets.catalogue import load_catalogue
from tuneline.data.targets.tokens import token_counter
from tuneline.errors import ConfigurationError, DataError
from tuneline.settings import validated
from tuneline.vertex.place import Place, Resource
from tuneline.vertex.tuning.budget import require_affordable
from tuneline.vertex.tuning.files import export_split
from tuneline.vertex.tuning.page import write_page
from tuneline.vertex.tuning.request import SentFile, job_request
from tuneline.vertex.tuning.result import (
    Checkpoint,
    CurvePoint,
    ManagedBase,
    ManagedResult,
    ManagedSplit,
    read_managed_result,
)
from tuneline.vertex.tuning.settings import ManagedSettings

PLACE = Place("p-123", "us-central1")
WORDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=20)


def settings(**values) -> ManagedSettings:
    given = {"base_model": FLASH, "project": "p-123", "staging": "gs://bucket/work", **values}
    return validated(ManagedSettings, given, source="test")


@given(WORDS, WORDS, WORDS, st.none() | WORDS)
def test_names_of_resources_are_taken_apart_and_put_together(project, location, number, version):
    name = f"projects/{project}/locations/{location}/models/{number}"
    found = Resource.parse(name if version is None else f"{name}@{version}")
    assert (found.place, found.kind, found.id) == (Place(project, location), "models", number)
    assert (found.unversioned, found.version) == (name, version or "")
    assert found.url.startswith(f"https://{found.place.host}/v1/{name}")


@pytest.mark.parametrize("name", ["", "models/1", "projects/p/locations/l", "projects/p/x/l/m/1"])
def test_other_names_are_refused(name):
    with pytest.raises(ConfigurationError, match="is no name of a resource"):
        Resource.parse(name)


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("us-central1", "us-central1-aiplatform.googleapis.com"),
        ("us", "aiplatform.us.rep.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
        ("global", "aiplatform.googleapis.com"),
    ],
)
def test_each_location_has_its_host(location, host):
    assert Place("p", location).host == host


FILES = {
    "train": SentFile("gs://b/train.jsonl", "t"),
    "validation": SentFile("gs://b/validation.jsonl", "v"),
}
SAME = {
    "labels": {"team": "x"},
    "max_cost_usd": 5.0,
    "deadline_hours": 2.0,
    "catalogue_checks": "warn",
    "usd_per_million_tokens": 9.0,
    "model_name": "other",
}
OTHER = {
    "epochs": 4,
    "adapter_size": 8,
    "learning_rate_multiplier": 2.0,
    "last_checkpoint_only": True,
    "attempt": 2,
    "tuned_from": "projects/p/locations/us/models/1@2",
    "service_account": "a@p.iam.gserviceaccount.com",
    "base_model": "gemini-3.5-flash",
}


@pytest.mark.parametrize("name", SAME)
def test_what_does_not_change_the_model_does_not_change_the_job(name):
    plain = job_request(settings(), PLACE, FILES)
    assert job_request(settings(**{name: SAME[name]}), PLACE, FILES).digest == plain.digest


@pytest.mark.parametrize("name", OTHER)
def test_what_changes_the_model_is_another_job(name):
    plain = job_request(settings(), PLACE, FILES)
    assert job_request(settings(**{name: OTHER[name]}), PLACE, FILES).digest != plain.digest


def test_other_data_or_another_place_is_another_job():
    digests = {
        job_request(settings(), PLACE, FILES).digest,
        job_request(settings(), Place("p-123", "europe-west4"), FILES).digest,
        job_request(settings(), PLACE, FILES, base="w").digest,
        job_request(settings(), PLACE, {"train": FILES["train"]}).digest,
        job_request(settings(), PLACE, {**FILES, "train": SentFile("gs://b/t", "o")}).digest,
    }
    assert len(digests) == 5


def test_the_same_from_another_folder_or_by_the_projects_number_is_the_same_job():
    there = {name: SentFile(f"gs://other/{name}", file.digest) for name, file in FILES.items()}
    asked = settings(tuned_from="projects/p-123/locations/us/models/1@2")
    same = settings(tuned_from="projects/471/locations/us/models/1@2", staging="gs://other")
    first = job_request(asked, PLACE, FILES)
    assert job_request(same, Place("471", "us-central1"), there).digest == first.digest


def test_weights_of_an_open_model_go_to_a_folder_of_their_own():
    asked = settings(base_model=OPEN, base_weights="w", method="full")
    request = job_request(asked, Place("p-123", "global"), FILES)
    assert request.output_uri == f"gs://bucket/work/tuned/{request.digest}"
    assert request.config["output_uri"] == request.output_uri


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"staging": "s3://bucket"}, "staging"),
        ({"staging": "bucket"}, "staging"),
        ({"project": ""}, "project"),
        ({"epochs": 0}, "epochs"),
        ({"max_cost_usd": 0}, "max_cost_usd"),
        ({"max_cost_usd": float("inf")}, "max_cost_usd"),
        ({"tuned_from": "models/1"}, "tuned_from"),
        ({"service_account": "me@example.com"}, "service_account"),
        ({"encryption_key": "key"}, "encryption_key"),
        ({"labels": {"tuneline-run": "x"}}, "labels.tuneline-run"),
        ({"labels": {f"l{number}": "" for number in range(64)}}, "labels"),
        ({"base_model": OPEN}, "base_weights"),
        ({"base_model": OPEN, "base_weights": "w", "tuned_from": OTHER["tuned_from"]}, "tuned_f"),
        (
            {"base_model": OPEN, "base_weights": "w", "method": "full", "adapter_size": 4},
            "adapter_size",
        ),
        ({"learning_rate_multiplyer": 2}, "learning_rate_multiplyer"),
    ],
)
def test_what_no_model_takes_is_refused(values, field):
    with pytest.raises(ConfigurationError, match=f"test: {field}"):
        settings(**values)


def test_a_split_is_written_counted_and_judged(tmp_path):
    too_long = Example(
        turns=(
            Turn("user", (Part(text="word " * 200_000),)),
            Turn("model", (Part(text="red"),)),
        ),
        source="lamps.jsonl",
        row=99,
    )
    rows = [*lamps(1, 8), too_long]
    write_examples(tmp_path / "train.parquet", rows, ExamplesInfo("train", "generation"))
    entry = load_catalogue().find(FLASH)
    counter = token_counter("", entry)
    out = tmp_path / "train.jsonl"
    split = export_split(tmp_path / "train.parquet", out, "gemini", entry, counter)
    lines = out.read_text().splitlines()
    assert len(lines) == split.rows == 9
    assert json.loads(lines[0])["contents"][0]["role"] == "user"
    assert split.numbers.file_bytes == out.stat().st_size
    assert split.numbers.tokens == sum(counter.tokens_of(row) for row in rows)
    (problem,) = split.problems
    assert problem.startswith("data: over_token_limit in 1 rows, the first: lamps.jsonl:99 ")


def with_audio(tmp_path):
    clip = Part(file=File("gs://b/clip.mp3", "audio/mpeg"))
    row = Example((Turn("user", (clip,)), Turn("model", (Part(text="a song"),))))
    write_examples(tmp_path / "train.parquet", [row], ExamplesInfo("train", "generation"))
    entry = load_catalogue().find(FLASH)
    counter = token_counter("", entry)
    out = tmp_path / "train.jsonl"
    return entry, counter, export_split(tmp_path / "train.parquet", out, "gemini", entry, counter)


def test_what_cannot_be_counted_has_no_price(tmp_path):
    entry, counter, split = with_audio(tmp_path)
    with pytest.raises(ConfigurationError, match="train_tokens: how many tokens audio files make"):
        require_affordable(entry, settings(), split, counter)
    cost, sentence = require_affordable(
        entry, settings(train_tokens=1_000_000, epochs=2), split, counter
    )
    assert cost == pytest.approx(6.0)
    assert "costs about $6.00 (1,000,000 tokens, 2 epochs" in sentence


def test_a_price_of_ones_own_counts_before_the_catalogues(tmp_path):
    entry, counter, split = with_audio(tmp_path)
    asked = settings(train_tokens=1_000_000, epochs=1, usd_per_million_tokens=7.0)
    assert require_affordable(entry, asked, split, counter)[0] == pytest.approx(7.0)
    cost, sentence = require_affordable(None, asked, split, counter)
    assert cost == pytest.approx(7.0)
    assert "$7 a million as you set it" in sentence


def result(**values) -> ManagedResult:
    sent = ManagedSplit(
        digest="d", rows=3, tokens=30, uri="gs://b/t.jsonl", file_digest="f", file_bytes=9
    )
    facts = {
        "tuneline_version": "0",
        "run_digest": "r",
        "engine": "gemini",
        "method": "pet",
        "base_model": ManagedBase(reference=FLASH, digest="b"),
        "base_weights": "",
        "settings": {"epochs": 3},
        "data": {"train": sent},
        "job": "projects/1/locations/us-central1/tuningJobs/2",
        "model": "projects/1/locations/us/models/3@1",
        "endpoint": "projects/1/locations/us/endpoints/4",
        "weights_uri": "",
        "checkpoints": [Checkpoint(checkpoint_id="1", epoch=1, step=2, endpoint="")],
        "statistics": {"tuningStepCount": "6", "droppedExampleReasons": ["<script>x</script>"]},
        "curves": {"/train_total_loss": [CurvePoint(step=1, value=2.0)]},
        "experiment": "",
        "token_counter": "estimate",
        "estimated_cost_usd": 0.5,
        "billed_tokens": 0,
        "cost_usd": None,
        "started": dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        "ended": None,
        "seconds": 60.0,
    }
    return ManagedResult(**{**facts, **values})


def test_a_result_reads_as_it_was_written(tmp_path):
    written = result()
    written.write(tmp_path / "result.json")
    assert read_managed_result(tmp_path / "result.json") == written
    assert json.loads((tmp_path / "result.json").read_text())["model_digest"]
    assert written.numbers()["tuningStepCount"] == 6.0
    assert written.numbers()["train_total_loss"] == 2.0
    assert written.uri == (
        "https://aiplatform.us.rep.googleapis.com/v1/projects/1/locations/us/models/3@1"
    )


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"schema_version": 2}'])
def test_another_file_is_no_result(tmp_path, content):
    (tmp_path / "result.json").write_text(content)
    with pytest.raises(DataError, match="not a managed tuning job's result"):
        read_managed_result(tmp_path / "result.json")
    with pytest.raises(DataError, match="cannot be read"):
        read_managed_result(tmp_path / "other.json")


def test_the_page_shows_the_services_words_and_runs_none(tmp_path):
    write_page(tmp_path / "page.html", result())
    page = (tmp_path / "page.html").read_text()
    assert "&lt;script&gt;x&lt;/script&gt;" in page
    assert "<script>" not in page
    assert "about $0.50; the service does not say what it bills" in " ".join(page.split())
    write_page(tmp_path / "page.html", result(curves={}, cost_usd=1.5, billed_tokens=500_000))
    page = " ".join((tmp_path / "page.html").read_text().split())
    assert "$1.50 for 500,000 tokens that the service bills" in page
    assert "The service shows no curves of this job." in page
