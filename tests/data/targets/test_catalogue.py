import datetime as dt

import pytest
import yaml

from tuneline.data.targets.catalogue import ModelEntry, Price, load_catalogue
from tuneline.errors import ConfigurationError

TODAY = dt.date(2026, 11, 23)
LLAMA_4 = "meta/llama4@llama-4-scout-17b-16e-instruct"


@pytest.fixture
def own(tmp_path):
    def write(**values):
        path = tmp_path / "own.yaml"
        path.write_text(yaml.safe_dump(values))
        return str(path)

    return write


def entry(**values):
    return {"as_of": "2027-01-31", "source": "https://example.com/limits", **values}


def test_every_value_that_ships_is_dated_and_sourced():
    catalogue = load_catalogue()
    assert len(catalogue.models) == 30
    for model in catalogue.models.values():
        parts = [model, model.validation, *model.media.values(), *model.media_tokens.values()]
        parts += [part for part in (model.price, model.retirement) if part != "unknown"]
        for part in parts:
            assert dt.date(2025, 1, 1) < part.as_of <= catalogue.as_of
            assert part.source.startswith("https://")


@pytest.mark.parametrize(
    ("model", "tokens", "sizes"),
    [
        ("gemini-3.5-flash", 131_072, (1, 2, 4, 8, 16)),
        ("gemini-2.5-pro", 131_072, (1, 2, 4, 8)),
        ("qwen/qwen3-6@qwen3.6-27b", 12_288, "unknown"),
        ("google/gemma3@gemma-3-27b-it", 8_192, "unknown"),
        (LLAMA_4, 2_048, "unknown"),
        ("gemini-3.5-flash-lite", "unknown", "unknown"),
    ],
)
def test_limits_are_those_of_the_pages_and_unknown_else(model, tokens, sizes):
    found = load_catalogue().find(model)
    assert (found.max_example_tokens, found.adapter_sizes) == (tokens, sizes)


def test_tuning_and_serving_locations_differ():
    locations = load_catalogue().find("gemini-3.1-flash-lite").locations
    assert locations.tuning == ("us-central1", "europe-west4")
    assert locations.serving == ("us", "eu")


def test_a_resource_path_finds_its_model():
    path = "publishers/google/models/gemini-3.5-flash"
    assert load_catalogue().find(path).id == "gemini-3.5-flash"
    assert load_catalogue().find("google/gemma3@gemma-3-4b-it").publisher == "google"


def test_an_unknown_model_suggests_the_nearest():
    with pytest.raises(ConfigurationError, match="'gemini-3.5-flsh'.*mean 'gemini-3.5-flash'"):
        load_catalogue().find("gemini-3.5-flsh")


def test_a_users_file_corrects_what_it_names_and_leaves_the_rest(own):
    path = own(models={"gemini-3.5-flash": entry(price={"usd_per_million_tokens": 6.5})})
    found = load_catalogue(path).find("gemini-3.5-flash")
    assert isinstance(found.price, Price)
    assert found.price.usd_per_million_tokens == 6.5
    # A part with no day or page of its own has its entry's.
    assert (found.price.as_of, found.price.basis) == (dt.date(2027, 1, 31), "own")
    assert found.price.source == found.source == "https://example.com/limits"
    assert found.max_example_tokens == 131_072
    assert load_catalogue().find("gemini-3.5-flash").price == "unknown"


def test_a_users_file_adds_a_model_with_the_defaults_of_its_engine(own):
    new = entry(engine="gemini", aliases=["four"], max_example_tokens=200_000)
    found = load_catalogue(own(models={"gemini-4-flash": new})).find("four")
    assert (found.id, found.max_example_tokens) == ("gemini-4-flash", 200_000)
    assert found.media["image"].files == 30
    assert found.max_train_rows == "unknown"


def test_a_nested_limit_can_be_corrected_alone(own):
    path = own(models={"gemini-2.5-pro": entry(media={"audio": {"files": 3}})})
    audio = load_catalogue(path).find("gemini-2.5-pro").media["audio"]
    assert (audio.files, audio.seconds, audio.as_of) == (3, 3600, dt.date(2027, 1, 31))


def test_all_problems_of_a_users_file_come_at_once_under_the_models_name(own):
    path = own(
        models={
            "gemini-3.5-flash": entry(max_train_rows=-1, adaptor_sizes=[3]),
            "new": entry(engine="gemini", price="cheap"),
        }
    )
    with pytest.raises(ConfigurationError) as caught:
        load_catalogue(path)
    problems = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 3
    assert f"{path}: models.gemini-3.5-flash: max_train_rows" in problems
    assert "adaptor_sizes: no such setting. Did you mean 'adapter_sizes'?" in problems
    assert "models.new: price" in problems


def test_a_bare_yes_or_no_of_yaml_is_understood(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(
        "models:\n  gemini-3.5-flash:\n    as_of: 2027-01-31\n    source: https://example.com/a\n"
        "    tools: no\n    turn_weights: yes\n"
    )
    found = load_catalogue(str(path)).find("gemini-3.5-flash")
    assert (found.tools, found.turn_weights) == ("no", "yes")


def test_an_entry_without_day_or_page_is_refused(own):
    path = own(models={"gemini-3.5-flash": {"max_train_rows": 5}, "x": []}, version=1)
    with pytest.raises(ConfigurationError) as caught:
        load_catalogue(path)
    problems = "\n".join(caught.value.problems)
    assert "models.gemini-3.5-flash.as_of: is required" in problems
    assert "models.gemini-3.5-flash.source: is required" in problems
    assert "models.x: must be a mapping" in problems
    assert "version: no such setting" in problems


@pytest.mark.parametrize(
    "content", ["models: [", "- a", "models: []", b"\xff\xfe\x00".decode("latin1")]
)
def test_a_file_that_is_no_catalogue_is_refused(tmp_path, content):
    path = tmp_path / "own.yaml"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match="catalogue: "):
        load_catalogue(str(path))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_catalogue(str(tmp_path / "none.yaml"))


def test_one_name_for_two_models_is_refused(own):
    path = own(models={"gemini-3.5-flash": entry(aliases=["gemini-2.5-pro"])})
    with pytest.raises(ConfigurationError, match="'gemini-2.5-pro' names both"):
        load_catalogue(path)


def warnings(model: str, today: dt.date = TODAY) -> str:
    return " ".join(load_catalogue().find(model).warnings(today))


def test_a_retirement_warns_with_its_day_and_how_sure_it_is():
    said = warnings("gemini-2.5-pro")
    assert "retired on 2026-12-01 by reports that the vendor has not confirmed" in said
    assert "tuning by new projects ended on 2026-11-01" in said
    assert "ends on 2026-11-01" in warnings("gemini-2.5-pro", dt.date(2026, 10, 31))
    assert "was retired on 2026-12-01" in warnings("gemini-2.5-pro", dt.date(2026, 12, 2))
    assert "gemini-2.0-flash was retired (as of" in warnings("gemini-2.0-flash")
    assert "a day that is unknown" in warnings("gemini-2.5-flash-lite")
    assert warnings("gemini-3.5-flash") == ""


def test_an_old_entry_warns_with_its_age():
    assert "of 2026-09-25, 181 days ago" in warnings("gemini-3.5-flash", dt.date(2027, 3, 25))
    assert warnings("gemini-3.5-flash", dt.date(2027, 3, 24)) == ""


def test_entries_are_plain_data_and_read_back():
    for model in load_catalogue().models.values():
        assert ModelEntry.model_validate_json(model.model_dump_json()) == model
