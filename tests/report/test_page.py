from html.parser import HTMLParser

import pytest
from jinja2 import TemplateNotFound, UndefinedError

from tuneline.report.charts import IntervalRow, curves, intervals
from tuneline.report.confusion import confusion_table
from tuneline.report.page import render_page

HOSTILE = "<script>alert(1)</script><img src=x onerror='y'>\" $\\frac{ &"


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "stage_with_template"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "page.html").write_text(
        '{% extends "base.html" %}{% block title %}T{% endblock %}'
        '{% block content %}<p class="example">{{ words }}</p>{% endblock %}'
    )
    (folder / "base.html").write_text("a stage cannot replace the shared page")
    monkeypatch.syspath_prepend(str(tmp_path))
    return "stage_with_template"


def test_a_stage_template_gets_the_shared_page_around_it(package):
    page = render_page(package, "page.html", words="a < b")
    assert page.startswith("<!doctype html>")
    assert "default-src &#39;none&#39;" not in page
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in page
    assert "a &lt; b" in page
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page


def test_user_text_stays_text(package):
    parsed = Tags(render_page(package, "page.html", words=HOSTILE))
    assert HOSTILE in "".join(parsed.text)
    assert not {"script", "img"} & set(parsed.tags)
    assert not [name for name in parsed.attributes if name.startswith("on")]


def test_missing_words_and_templates_are_errors(package):
    with pytest.raises(UndefinedError, match="words"):
        render_page(package, "page.html")
    with pytest.raises(TemplateNotFound):
        render_page(package, "absent.html")


def test_nothing_is_fetched(package):
    page = render_page(package, "page.html", words="")
    assert "http://" not in page
    assert "https://" not in page
    assert "url(" not in page


def test_curves_are_deterministic_and_take_the_page_ink():
    series = {"training": [(0.0, 2.0), (1.0, 1.5)], "validation": [(1.0, 1.6)], "empty": []}
    first, second = (curves(series, "step", "loss, nats per token") for _ in range(2))
    assert first == second
    assert "currentColor" in first
    assert "#010203" not in first
    texts = "".join(Tags(first).text)
    assert "training" in texts
    assert "validation" in texts
    assert "empty" not in texts


def test_a_chart_escapes_the_names_it_shows():
    chart = intervals([IntervalRow(HOSTILE, 0.5, 0.4, 0.6, chosen=True)], HOSTILE, HOSTILE)
    parsed = Tags(chart)
    assert HOSTILE in "".join(parsed.text)
    assert not {"script", "img"} & set(parsed.tags)
    assert not [name for name in parsed.attributes if name.startswith("on")]


def test_two_charts_on_one_page_share_no_element_id():
    rows = [IntervalRow("a", 0.2, 0.1, 0.3)]
    assert ' id="figure' not in intervals(rows, "accuracy, %")
    assert ' id="axes' not in intervals(rows, "accuracy, %")


def test_confusion_table_shades_by_share_of_the_row():
    table = confusion_table(["a", HOSTILE], ["a", HOSTILE, "(other)"], [[3, 1, 0], [0, 0, 0]])
    assert "--share:0.750" in table
    assert '<td class="miss" style="--share:0.250">1</td>' in table
    assert not {"script", "img"} & set(Tags(table).tags)


def test_confusion_table_refuses_a_matrix_of_another_size():
    with pytest.raises(ValueError, match="zip"):
        confusion_table(["a", "b"], ["a", "b"], [[1, 0]])
