import pickle
from pathlib import Path

import numpy as np
import pytest
from loky import get_reusable_executor

from tuneline.errors import ConfigurationError, DataError
from tuneline.evaluation.metrics.custom import custom_metric
from tuneline.evaluation.rows import Rows

SOURCE = '''
"""Metrics of a user."""
from __future__ import annotations

import dataclasses
import numpy as np

@dataclasses.dataclass
class Words:
    text: str

    def count(self) -> int:
        return len(self.text.split())

def word_error(prompt, reference, prediction):
    return abs(Words(reference).count() - Words(prediction).count())

word_error.unit = "ratio"
word_error.higher_is_better = False

def shorter_than_prompt(*, prediction, prompt, **others):
    return len(prediction) < len(prompt)

shorter_than_prompt.unit = "share"

def numpy_number(prompt, reference, prediction):
    return np.float32(0.5)

def fails(prompt, reference, prediction):
    return 1 / len(prediction)

def text(prompt, reference, prediction):
    return "0.5"

def nothing(prompt, reference, prediction):
    pass

def not_a_number(prompt, reference, prediction):
    return float("nan")

def too_large(prompt, reference, prediction):
    return 10**400

def no_prompt(reference, prediction):
    return 1

def positional(prompt, reference, prediction, /):
    return 1

def wanting(prompt, reference, prediction, threshold):
    return 1

def wrong_attributes(prompt, reference, prediction):
    return 1

wrong_attributes.unit = "percent"
wrong_attributes.higher_is_better = "no"
CONSTANT = 3

def percent(prompt, reference, prediction):
    return 0.7 if prediction == "x" else float(prediction)

percent.unit = "share"
'''


@pytest.fixture(scope="module")
def user_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("user") / "my metrics.py"
    path.write_text(SOURCE, encoding="utf-8")
    return path


def rows():
    return Rows.of(["one two", "three"], ["one", "three"], prompts=["how many?", "no"])


def test_a_function_of_a_file_is_a_metric(user_file):
    metric = custom_metric(f"{user_file}:word_error")
    assert (metric.name, metric.title, metric.unit) == ("word_error", "word error", "ratio")
    assert not metric.higher_is_better
    assert metric.source == "my metrics.py:word_error"  # reports go to other machines
    table = metric.measure(rows())
    assert table.tolist() == [[1, 1], [0, 1]]
    assert metric.value(table.sum(axis=0)) == 0.5


def test_attributes_and_keywords_of_the_function_are_read(user_file):
    metric = custom_metric(f"{user_file}:shorter_than_prompt")
    assert (metric.unit, metric.higher_is_better) == ("share", True)
    assert metric.measure(rows())[:, 0].tolist() == [1, 0]


def test_unset_attributes_have_their_defaults_and_numpy_numbers_count(user_file):
    metric = custom_metric(f"{user_file}:numpy_number")
    assert (metric.unit, metric.higher_is_better) == ("ratio", True)
    assert metric.measure(rows())[:, 0].tolist() == [0.5, 0.5]


def test_a_function_of_a_module_is_a_metric(user_file, monkeypatch):
    (user_file.parent / "house_metrics.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.syspath_prepend(user_file.parent)
    metric = custom_metric("house_metrics:word_error")
    assert metric.measure(rows())[:, 0].tolist() == [1, 0]


def test_a_relative_path_and_the_home_folder_are_found_from_elsewhere(user_file, monkeypatch):
    monkeypatch.chdir(user_file.parent)
    monkeypatch.setenv("HOME", str(user_file.parent))
    from_here = custom_metric(f"{user_file.name}:word_error")
    from_home = custom_metric(f"~/{user_file.name}:word_error")
    monkeypatch.chdir("/")
    for metric in (from_here, from_home):
        assert pickle.loads(pickle.dumps(metric)).measure(rows())[0, 0] == 1


def test_metrics_are_measured_in_other_processes(user_file):
    metric = custom_metric(f"{user_file}:word_error")
    executor = get_reusable_executor(max_workers=1)
    try:
        table = executor.submit(metric.measure, rows()).result(timeout=60)
    finally:
        executor.shutdown(wait=True)
    assert np.array_equal(table, metric.measure(rows()))


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        (
            "word_eror",
            "no function 'word_eror' in it. Did you mean 'word_error'. Functions there: ",
        ),
        (
            "CONSTANT",
            "no function 'CONSTANT' in it. Functions there: fails, no_prompt, .*, wanting",
        ),
        ("no_prompt", "cannot be called as function.*'prompt'"),
        ("positional", "cannot be called as function"),
        ("wanting", "cannot be called as function.*'threshold'"),
        ("wrong_attributes", "2 problems(.|\n)*unit is 'percent'(.|\n)*higher_is_better is 'no'"),
    ],
)
def test_functions_that_cannot_be_used_are_refused(user_file, name, problem):
    with pytest.raises(ConfigurationError, match=problem):
        custom_metric(f"{user_file}:{name}")


@pytest.mark.parametrize(
    ("reference", "problem"),
    [
        ("no_colon", "write it as my_package.metrics:politeness or my_metrics.py:politeness"),
        (":name", "write it as"),
        ("module:", "write it as"),
        ("module:a.b", "write it as"),
        ("no.such.module:name", "cannot be imported.*No module named 'no'.*path of its .py file"),
        ("/no/such/file.py:name", r"^metric in /no/such/file\.py: there is no such file\.$"),
        ("math:hypot", "cannot be called as function"),
    ],
)
def test_references_that_name_no_function_are_refused(reference, problem):
    with pytest.raises(ConfigurationError, match=problem):
        custom_metric(reference)


@pytest.mark.parametrize("line", ["raise RuntimeError('broken')", "def (", "exit(3)"])
def test_files_that_fail_when_imported_are_refused(tmp_path, line):
    path = tmp_path / "broken.py"
    path.write_text(line, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="broken.py: it cannot be imported ") as raised:
        custom_metric(f"{path}:name")
    assert str(raised.value).count(str(tmp_path)) == 1


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        (
            "fails",
            r"row 1 of its batch \(prompt 'b', prediction ''\): it raised ZeroDivisionError",
        ),
        ("text", r"row 0 of its batch .*: it returned '0.5'; return a finite number"),
        ("nothing", "returned None; return a finite number"),
        ("not_a_number", "returned nan; return a finite number"),
        ("too_large", "it raised OverflowError"),
        ("percent", r"^metric my metrics\.py:percent, row 0 .* it raised ValueError"),
    ],
)
def test_rows_that_a_function_cannot_score_are_named(user_file, name, problem):
    metric = custom_metric(f"{user_file}:{name}")
    with pytest.raises(DataError, match=problem):
        metric.measure(Rows.of(["x", "x"], ["x" * 200, ""], prompts=["a", "b"]))


@pytest.mark.parametrize("number", ["-0.1", "1.01", "70"])
def test_a_share_lies_between_0_and_1(user_file, number):
    metric = custom_metric(f"{user_file}:percent")
    rows = Rows.of(["x"] * 4, ["x", "1", "0", str(1 + 1e-12)])
    assert metric.scores(rows) == [0.7, 1.0, 0.0, 1.0]
    with pytest.raises(DataError, match=rf"row 1 .* it returned {number}, but its unit is \"share"):
        metric.measure(Rows.of(["x", "x"], ["x", number]))


def test_the_place_is_named_as_it_was_given_where_it_is_relative(user_file, monkeypatch):
    monkeypatch.chdir(user_file.parent.parent)
    given = f"{user_file.parent.name}/{user_file.name}:word_error"
    assert custom_metric(given).source == given


def test_an_error_shows_the_beginning_of_the_prediction_alone(user_file):
    with pytest.raises(DataError) as raised:
        custom_metric(f"{user_file}:text").measure(Rows.of(["x"], ["y" * 10_000]))
    assert "'yyy" in str(raised.value)
    assert len(str(raised.value)) < 500
