"""The data sets in ``examples/``: what their program writes, and what each promises."""

import ast
import copy
import json
import re
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from embedded.examples.order_entities import LABELS
from embedded.examples.sentiment_reviews import make_reviews
from embedded.examples.shop_database import make_database
from embedded.make_examples import DATABASE, FOLDER, TEXTS
from tuneline.data.check import check
from tuneline.parameters import checked, evaluation_settings, prepare_settings

RUNS = sorted(FOLDER.glob("*/run.yaml"))
ROWS = {
    name: [json.loads(line) for line in (FOLDER / name).read_text().splitlines()]
    for name in TEXTS
    if name.endswith(".jsonl") and not name.endswith("tests.jsonl")
}


def rows_of(folder):
    [rows] = [rows for name, rows in ROWS.items() if name.startswith(f"{folder}/")]
    return rows


@pytest.mark.parametrize("name", TEXTS)
def test_file_is_what_the_program_writes(name):
    assert (FOLDER / name).read_text() == TEXTS[name]()


def test_database_holds_what_the_program_writes():
    with closing(make_database()) as made, closing(sqlite3.connect(DATABASE)) as kept:
        assert list(kept.iterdump()) == list(made.iterdump())


def test_a_seed_changes_the_rows():
    assert make_reviews(rows=50, seed=1) != make_reviews(rows=50, seed=2)


@pytest.mark.parametrize("name", ROWS)
def test_prompts_are_short_and_differ(name):
    prompts = [row["prompt"].casefold() for row in ROWS[name]]
    assert len(set(prompts)) == len(prompts) >= 300
    assert max(len(prompt.split()) for prompt in prompts) <= 45


@pytest.mark.parametrize("name", ROWS)
def test_every_slot_is_filled(name):
    texts = [text for row in ROWS[name] for text in row.values()]
    assert not [text for text in texts if re.search(r"\{[a-z_]+\d?\}", text)]


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.parent.name)
def test_run_keeps_its_rows_and_splits_them(run):
    parameters = yaml.safe_load(run.read_text())
    checked(parameters)
    assert all(Path(path).is_file() for path in evaluation_settings(parameters).files)
    result = check(prepare_settings(parameters))
    assert result.passed
    assert result.counts.kept == result.counts.read == len(rows_of(run.parent.name))
    assert 0.15 < result.counts.per_split["test"] / result.counts.kept < 0.25
    assert result.warnings == []


def test_every_folder_has_a_run():
    assert {run.parent.name for run in RUNS} == {name.partition("/")[0] for name in TEXTS}


def test_sentiments_are_as_many():
    counts = Counter(row["completion"] for row in rows_of("sentiment_reviews"))
    assert counts == {"negative": 200, "neutral": 200, "positive": 200}


def test_entities_stand_in_their_messages_in_order():
    schema = json.loads((FOLDER / "order_entities/entities.schema.json").read_text())
    labels: Counter[str] = Counter()
    for row in rows_of("order_entities"):
        entities = json.loads(row["completion"])
        jsonschema.validate(entities, schema)
        places = [row["prompt"].find(entity["text"]) for entity in entities]
        assert places == sorted(set(places)), row
        assert -1 not in places, row
        labels.update(entity["label"] for entity in entities)
    assert set(labels) == set(LABELS)
    assert min(labels.values()) > 100


def test_summaries_are_one_sentence_and_much_shorter():
    for row in rows_of("meeting_notes"):
        assert row["completion"].count(".") == 1, row
        assert len(row["completion"]) < 0.75 * len(row["prompt"]), row
        assert 3 <= row["prompt"].count(".") <= 4, row


def test_names_in_summaries_are_in_the_notes():
    for row in rows_of("meeting_notes"):
        names = set(re.findall(r"(?!The)\b[A-Z]\w+", row["completion"]))
        assert names <= set(re.findall(r"\w+", row["prompt"])), row


def test_queries_are_answered_from_the_database():
    with closing(sqlite3.connect(f"file:{DATABASE}?mode=ro", uri=True)) as database:
        for row in rows_of("shop_queries"):
            answer = database.execute(row["completion"]).fetchall()
            assert any(value is not None for cells in answer for value in cells), row


def test_texts_in_queries_stand_in_their_questions():
    for row in rows_of("shop_queries"):
        said = re.findall(r"'([^']*)'", row["completion"])
        assert all(text in row["prompt"] for text in said), row


@pytest.fixture(scope="module")
def tests_by_prompt():
    lines = (FOLDER / "small_functions/tests.jsonl").read_text().splitlines()
    return {row["prompt"]: row["tests"] for row in map(json.loads, lines)}


def test_functions_pass_their_own_tests(tests_by_prompt):
    for row in rows_of("small_functions"):
        assert passes(row["completion"], tests_by_prompt[row["prompt"]]), row


def test_wrong_functions_fail(tests_by_prompt):
    for row in rows_of("small_functions"):
        wrong = mutants(row["completion"])
        survivors = [code for code in wrong if passes(code, tests_by_prompt[row["prompt"]])]
        assert not survivors, (row, survivors)
        assert len(wrong) >= 2, row


def passes(code, tests):
    space: dict[str, Any] = {}
    try:
        exec(code, space)
        exec(tests, space)
    except (ArithmeticError, AssertionError, LookupError, TypeError, ValueError):
        return False
    return True


OPERATORS: dict[type, Any] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.Gt: ast.GtE,
    ast.Lt: ast.LtE,
    ast.Eq: ast.NotEq,
    ast.In: ast.NotIn,
}


def mutants(code):
    """The function without its result, and with one constant, operator or call changed."""
    head = code.partition("\n")[0]
    tree = ast.parse(code)
    found = [f"{head}\n    return None"]
    for place in range(len(list(ast.walk(tree)))):
        changed = copy.deepcopy(tree)
        if change(list(ast.walk(changed))[place]):
            found.append(ast.unparse(changed))
    return found


def change(node):
    """Make one node of a function wrong; whether there is a way to."""
    match node:
        case ast.Constant(value=bool(value)):
            node.value = not value
        case ast.Constant(value=int(value)):
            node.value = value + 1
        case ast.Constant(value=str(value)) if value:
            node.value = chr(ord(value[0]) + 1) + value[1:]
        case ast.BinOp() if type(node.op) in OPERATORS:
            node.op = OPERATORS[type(node.op)]()
        case ast.Compare():
            node.ops = [OPERATORS[type(node.ops[0])]()]
        case ast.Name(id="min"):
            node.id = "max"
        case ast.Name(id="max" | "sum" | "len"):
            node.id = "min"
        case _:
            return False
    return True
