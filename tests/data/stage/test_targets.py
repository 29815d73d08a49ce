"""A target: its limits and its price, told by `prepare` and by `check --for`."""

import json

import pytest

from tests.data.source_files import names_in, pair, pairs, prepare_into, write_jsonl
from tests.data.stage.breaches import catalogue
from tuneline.data.check import check
from tuneline.data.settings import PrepareSettings
from tuneline.errors import ConfigurationError, DataError
from tuneline.parameters import fingerprints

PRICED = "gemini-3.1-flash-lite"


def own(folder, **entry):
    return {"target": "mine", "catalogue": catalogue(**entry)(folder)}


def target_of(described):
    assert described.target is not None
    return described.target


def test_a_data_set_over_the_limits_is_refused_by_both_in_the_same_words(tmp_path):
    data = write_jsonl(tmp_path / "a.jsonl", pairs(60))
    chosen = own(tmp_path, max_train_rows=20, max_file_bytes=100)
    result = check(PrepareSettings(data=str(data), **chosen))
    assert not result.passed
    with pytest.raises(DataError) as refused:
        prepare_into(tmp_path / "out", data, **chosen)
    assert names_in(tmp_path / "out") == []
    assert len(target_of(result).would_be_refused) >= 2
    for reason in target_of(result).would_be_refused:
        assert reason in result.failure
        assert reason in str(refused.value)
    assert "mine would refuse this" in result.failure
    assert "mine would refuse this" in str(refused.value)
    assert "20" in result.failure


def test_a_data_set_within_the_limits_has_its_price_in_the_manifest(tmp_path):
    data = write_jsonl(tmp_path / "a.jsonl", pairs(300))
    manifest = prepare_into(tmp_path / "out", data, target=PRICED, epochs=3)
    target = target_of(manifest)
    assert (target.model, target.epochs) == (PRICED, 3)
    assert target.would_be_refused == []
    usd = target.tokens * 3 * 3.0 / 1_000_000
    assert target.cost.usd == pytest.approx(usd)
    assert target.cost_usd_at_least <= target.cost.usd
    assert "$" in target.cost_says
    statistics = target.statistics
    train = manifest.counts.per_split["train"]
    assert statistics.tuning_dataset_example_count == train
    assert statistics.total_billable_token_count == target.tokens * 3
    distribution = statistics.user_message_per_example_distribution
    assert (distribution.min, distribution.max, distribution.sum) == (2, 2, 2 * train)
    # Only the target's own limits need its export; nobody asked for the files.
    assert not any(name.startswith("gemini") for name in names_in(tmp_path / "out"))
    written = json.loads((tmp_path / "out" / "manifest.json").read_text())["target"]
    assert written["statistics"]["tuningDatasetExampleCount"] == train
    assert check(PrepareSettings(data=str(data), target=PRICED, epochs=3)).target == target


def test_rows_over_the_limit_are_rejected_and_counted_as_dropped(tmp_path):
    rows = [*pairs(60), pair(99, "word " * 2000)]
    data = write_jsonl(tmp_path / "a.jsonl", rows)
    manifest = prepare_into(tmp_path / "out", data, **own(tmp_path, max_example_tokens=500))
    assert manifest.counts.per_reason == {"over_token_limit": 1}
    statistics = target_of(manifest).statistics
    assert statistics.total_truncated_example_count == 1
    assert statistics.dropped_example_reasons[0].startswith("over_token_limit: 1 rows.")


def test_the_manifest_does_not_name_the_catalogues_place(tmp_path):
    data = write_jsonl(tmp_path / "a.jsonl", pairs(60))
    manifest = prepare_into(tmp_path / "out", data, **own(tmp_path))
    assert manifest.parameters["target"] == "mine"
    assert str(tmp_path) not in (tmp_path / "out" / "manifest.json").read_text()


def test_an_unknown_target_is_wrong_usage(tmp_path):
    data = write_jsonl(tmp_path / "a.jsonl", pairs(60))
    wrong = {"target": "gemini-3.5-flsh"}
    with pytest.raises(ConfigurationError, match=r"Did you mean 'gemini-3\.5-flash'"):
        check(PrepareSettings(data=str(data), **wrong))
    with pytest.raises(ConfigurationError, match=r"Did you mean 'gemini-3\.5-flash'"):
        prepare_into(tmp_path / "out", data, **wrong)
    assert names_in(tmp_path / "out") == []


def test_caching_follows_the_catalogue_too(tmp_path):
    data = write_jsonl(tmp_path / "a.jsonl", pairs(20))
    own_file = tmp_path / "catalogue.yaml"
    found = []
    for day in ("2026-11-01", "2026-11-02"):
        entry = f"{{as_of: {day}, source: https://example.com/}}"
        own_file.write_text(f"models: {{gemini-3.5-flash: {entry}}}\n")
        values = {"data": str(data), "data_settings": {"catalogue": str(own_file)}}
        found.append(fingerprints(values).data)
    assert found[0] != found[1]
