"""Each rule is broken through the whole stage, and the table of rules knows every code."""

import re
from pathlib import Path

import pytest

from tests.data.stage.breaches import BREACHES, ELSEWHERE
from tuneline.data.check import check
from tuneline.data.checks.table import RULES
from tuneline.data.rows import lines
from tuneline.data.settings import PrepareSettings

ROOT = Path(__file__).parents[3]


def as_given(value):
    return str(value) if isinstance(value, Path) else value


@pytest.mark.parametrize("code", BREACHES)
def test_each_rule_is_raised_by_what_breaks_it(code, tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 64 * 1024)
    given = {name: as_given(value) for name, value in BREACHES[code](tmp_path).items()}
    if RULES[code].severity == "off":
        given["rules"] = {code: "warn"}
    result = check(PrepareSettings(max_rejected_share=1, **given))
    found = {rule.code: rule for rule in result.rules}
    assert code in found or code in {finding.code for finding in result.findings}, result
    if code in found:
        assert found[code].sentence == RULES[code].sentence
        assert found[code].severity == given.get("rules", {}).get(code, RULES[code].severity)
        assert found[code].rows >= 1
    # Nothing else is wrong with the input, so the test is about this rule alone.
    others = {rule.code for rule in result.rules if rule.severity == "error"} - {code}
    assert others <= {"conflicting_label"}


def test_no_rule_is_left_out():
    assert set(BREACHES) | set(ELSEWHERE) == set(RULES)
    assert not set(BREACHES) & set(ELSEWHERE)
    for code, path in ELSEWHERE.items():
        assert code in (ROOT / path).read_text()


def test_every_code_in_the_source_is_in_the_table():
    raising = re.compile(r'(?:(?:RowError|MediaProblem)\(\s*|Hit\(\s*\w+,\s*)"([a-z0-9_]+)"')
    raised = {
        code
        for path in (ROOT / "src" / "tuneline" / "data").rglob("*.py")
        for code in raising.findall(path.read_text())
    }
    assert len(raised) > 40
    assert raised <= set(RULES)


def test_each_rule_says_what_it_finds_and_what_to_do():
    for code, rule in RULES.items():
        assert rule.code == code
        assert rule.sentence.endswith((".", ".)"))
        assert rule.fix.endswith(".")
        assert not rule.fixed or rule.severity == "error"
