import pytest

from tuneline.data.settings import PrepareSettings
from tuneline.errors import ConfigurationError
from tuneline.settings import validated


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
    ],
)
def test_each_contradiction_is_named(values, part):
    [problem] = problems_of(**values)
    assert part in problem


def test_problems_of_several_settings_come_together():
    assert len(problems_of(prompt_template="x", test_data="a.csv", validation_data="a.csv")) == 5


def test_a_share_that_own_files_make_unneeded_does_not_count():
    settings = PrepareSettings(data="a", test_data="b", validation_share=0.5, test_share=0.9)
    assert settings.uris == {"data": "a", "validation": "", "test": "b"}
