import pytest
import yaml

from tuneline.data.settings import PrepareSettings
from tuneline.errors import ConfigurationError
from tuneline.settings import validated

TEMPLATES = {"prompt_template": "{a}", "completion_template": "{b}"}


def problems_of(**values):
    with pytest.raises(ConfigurationError) as raised:
        validated(PrepareSettings, {"data": "a.csv", **values}, source="prepare")
    return raised.value.problems


@pytest.mark.parametrize(
    ("values", "part"),
    [
        ({"prompt_template": "{text}"}, "completion_template: is missing"),
        ({"completion_template": "{text}"}, "prompt_template: is missing"),
        ({"system_template": "{text}"}, "system_template: needs"),
        ({"prompt_template": "text", "completion_template": "{a}"}, "names no column"),
        ({"prompt_template": "{text", "completion_template": "{a}"}, "unbalanced braces"),
        ({"prompt_template": "{text!r}", "completion_template": "{a}"}, "nothing else"),
        ({"prompt_template": "{}", "completion_template": "{a}"}, "nothing else"),
        ({"validation_share": 0.5, "test_share": 0.5}, "nothing to train on"),
        ({"test_data": "a.csv"}, "test_data: is the same file as data"),
        ({"task": "clasification"}, "Did you mean 'classification'?"),
        ({"data": ""}, "data: "),
        ({"prompt_tmplate": "{a}"}, "Did you mean 'prompt_template'?"),
        ({"mixture": {"b.csv": 0}}, "mixture.b.csv: the weight must be above 0, not 0."),
        ({"mixture": {"a.csv": 1}}, "mixture: is the same file as data."),
        ({"test_data": "b.csv", "mixture": {"b.csv": 1}}, "must not be trained on"),
        ({"shape": "columns"}, "columns needs prompt_template and completion_template"),
        ({"shape": "messages", **TEMPLATES}, "messages reads no templates"),
        ({"shape": "mesages"}, "Did you mean 'messages'?"),
        ({"exports": ["gemini"]}, "gemini_jsonl"),
        ({"near_duplicate_threshold": 0.2}, "greater than or equal to 0.5"),
        ({"rules": {"pii_emial": "off"}}, "no such rule. Did you mean 'pii_email'?"),
        ({"rules": {"pii_email": "of"}}, "rules.pii_email: must be 'error', 'warn' or 'off'"),
        ({"rules": {"bad_json": "warn"}}, "rules.bad_json: must be error: The row is not JSON."),
        ({"mask": ["pii_emial"]}, "cannot be masked. Did you mean 'pii_email'?"),
        ({"mask": ["template_token"]}, "mask: 'template_token' cannot be masked."),
    ],
)
def test_each_contradiction_is_named(values, part):
    [problem] = problems_of(**values)
    assert part in problem


def test_problems_of_several_settings_come_together():
    assert len(problems_of(prompt_template="x", test_data="a.csv", validation_data="a.csv")) == 5


def test_problems_of_rules_and_masks_come_together():
    problems = problems_of(
        rules={"nonsense": "off", "bad_utf8": "off", "not_object": "warn", "duplicate": "error"},
        mask=["duplicate", "secret_jwt"],
        mixture={"b.csv": -1},
    )
    assert [problem.split(":")[1].strip() for problem in problems] == [
        "mixture.b.csv",
        "rules.nonsense",
        "rules.bad_utf8",
        "rules.not_object",
        "mask",
    ]


def test_a_share_that_own_files_make_unneeded_does_not_count():
    settings = PrepareSettings(data="a", test_data="b", validation_share=0.5, test_share=0.9)
    assert settings.given == {"data": [("a", 1.0)], "test": [("b", 1.0)]}


def test_sources_of_a_mixture_have_weights():
    settings = PrepareSettings(data="a", mixture={"b": 0.5, "c": 2})
    assert settings.given == {"data": [("a", 1.0), ("b", 0.5), ("c", 2.0)]}


def test_a_bare_off_of_yaml_is_the_word():
    given = yaml.safe_load("{rules: {pii_email: off}, near_duplicates: off, media: off}")
    settings = validated(PrepareSettings, {"data": "a", **given}, source="a.yaml")
    assert settings.rules == {"pii_email": "off"}
    assert (settings.near_duplicates, settings.media) == ("off", "off")
    assert "must be" in problems_of(near_duplicates=True)[0]
