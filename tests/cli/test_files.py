"""NAME=VALUE arguments and configuration files."""

import pytest

from tuneline.cli.files import read_assignments, read_mapping
from tuneline.errors import ConfigurationError
from tuneline.parameters import RunParameters


def test_text_is_taken_as_it_stands_and_the_rest_is_yaml():
    assert read_assignments(
        ["prompt_template={text}", "test_data=", "shots=[0, 8]", "overrides={epochs: 2}", "seed=3"],
        RunParameters,
    ) == {
        "prompt_template": "{text}",
        "test_data": "",
        "shots": [0, 8],
        "overrides": {"epochs": 2},
        "seed": 3,
    }


def test_value_may_hold_equals_signs():
    assert read_assignments(["data=a=b"], RunParameters) == {"data": "a=b"}


def test_every_broken_assignment_is_named():
    with pytest.raises(ConfigurationError) as refused:
        read_assignments(["oops", "=1", "shots=[1"], RunParameters)
    assert len(refused.value.problems) == 3


def test_mapping_file_is_named_when_it_cannot_be_read(tmp_path):
    for content in (b"- 1", b"a: [", b"\xff\xfe\x00"):
        path = tmp_path / "config.yaml"
        path.write_bytes(content)
        with pytest.raises(ConfigurationError, match="config.yaml"):
            read_mapping(path)
    with pytest.raises(ConfigurationError, match="nowhere.yaml"):
        read_mapping(tmp_path / "nowhere.yaml")


def test_names_that_are_given_twice_are_listed(tmp_path):
    path = tmp_path / "cluster.yaml"
    path.write_text("a: 1\nb: {c: 1}\na: 2\nd:\n  - e: 1\n    e: 2\n")
    with pytest.raises(ConfigurationError) as refused:
        read_mapping(path)
    assert sorted(refused.value.problems) == [
        f"{path}: a: is given twice, in lines 1 and 3.",
        f"{path}: e: is given twice, in lines 5 and 6.",
    ]
    path.write_text("a: {b: 1}\nc: {b: 2}\n")
    assert read_mapping(path) == {"a": {"b": 1}, "c": {"b": 2}}
