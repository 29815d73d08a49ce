"""Write the table of all rules as Markdown: ``python -m tuneline.data.checks.document``."""

from __future__ import annotations

import sys

from tuneline.data.checks.table import MASKABLE, RULES

_HEAD = """# Rules of the data stage

Made by `make docs` from the rules themselves.

`error` keeps a row aside, `warn` counts it and lets it pass, `off` does not look. Rules of the
whole data set stop the run as an `error`. Change any of them with the setting `rules`, such as
`--setting 'rules={template_token: warn, secret_aws_key: error}'`. Fixed rules cannot be changed: a
row that breaks one cannot become an example. What `mask` takes is marked.

| code | default | what it finds | what to do |
|---|---|---|---|
"""


def document() -> str:
    """The page."""
    lines = [
        f"| `{rule.code}` | {rule.severity}{', fixed' if rule.fixed else ''}"
        f"{', maskable' if rule.code in MASKABLE else ''} | {_cell(rule.sentence)} | "
        f"{_cell(rule.fix)} |"
        for rule in RULES.values()
    ]
    return _HEAD + "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """Text that Markdown neither cuts at a bar nor takes for a tag."""
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    sys.stdout.write(document())
