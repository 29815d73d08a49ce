import re
from pathlib import Path

from tuneline.data import rows
from tuneline.data.rows.rules import RULES


def test_every_code_that_is_raised_has_its_rule_and_every_rule_is_raised():
    sources = Path(next(iter(rows.__path__))).glob("*.py")
    text = "".join(path.read_text() for path in sources)
    raised = set(re.findall(r'RowError\(\s*"(\w+)"', text))
    codes = [rule.code for rule in RULES]
    assert sorted(codes) == sorted(raised)


def test_only_a_rule_that_leaves_a_readable_row_can_be_changed():
    assert [rule.code for rule in RULES if not rule.fixed] == ["duplicate_key"]
