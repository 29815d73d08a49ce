from pathlib import Path

import tuneline
from tuneline.data.checks.document import document
from tuneline.data.checks.table import MASKABLE, RULES

DOCS = Path(tuneline.__file__).parents[2] / "docs"


def test_the_page_is_what_the_rules_say():
    assert (DOCS / "rules.md").read_text(encoding="utf-8") == document(), "run make docs"


def test_every_rule_says_what_it_finds_and_what_to_do():
    assert RULES.keys() >= MASKABLE
    for code, rule in RULES.items():
        assert rule.code == code
        assert rule.sentence.endswith((".", ")")), code
        assert rule.fix, code
        assert not rule.fixed or rule.severity == "error"
