import base64
import hashlib
import re
import sys
import warnings
from html.parser import HTMLParser

import pytest
from jinja2 import TemplateNotFound, UndefinedError

from tuneline.report.charts import (
    IntervalPoint,
    IntervalRow,
    curves,
    interval_curves,
    intervals,
)
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
    monkeypatch.delitem(sys.modules, folder.name, raising=False)  # that of another test
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


def test_a_script_runs_only_where_a_page_brings_one(package, tmp_path):
    source = '"use strict";\nif (1 < 2 && "{{ words }}") { }\n'
    (tmp_path / package / "page.js").write_text(source)
    page = render_page(package, "page.html", "page.js", words=HOSTILE)
    digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
    assert f"<script>{source}</script>" in page
    assert f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'\">" in page
    assert Tags(page).tags.count("script") == 1
    without = render_page(package, "page.html", words=HOSTILE)
    assert "script-src" not in without
    assert "script" not in Tags(without).tags


@pytest.mark.parametrize("source", ["'</script>'", "// </SCRIPT", "x <!--y"])
def test_a_script_that_would_end_its_element_is_refused(package, tmp_path, source):
    (tmp_path / package / "page.js").write_text(source)
    with pytest.raises(ValueError, match=r"page\.js"):
        render_page(package, "page.html", "page.js", words="")


def test_a_stage_adds_its_own_style(package, tmp_path):
    (tmp_path / package / "page.html").write_text(
        '{% extends "base.html" %}{% block title %}T{% endblock %}'
        "{% block style %}.own { color: red; }{% endblock %}{% block content %}{% endblock %}"
    )
    page = render_page(package, "page.html")
    assert page.index("prefers-color-scheme") < page.index(".own {") < page.index("</style>")


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
    first = intervals([IntervalRow("a", 0.2, 0.1, 0.3)], "accuracy, %")
    second = curves({"loss": [(0.0, 2.0), (1.0, 1.5)]}, "step", "loss")
    ids = [set(re.findall(r' id="([^"]*)"', chart)) for chart in (first, second)]
    assert all(ids)
    assert not ids[0] & ids[1]
    for chart, own in zip((first, second), ids, strict=True):
        assert set(re.findall(r'(?:href="#|url\(#)([^")]*)', chart)) == own


def test_an_interval_plot_shows_the_range_of_the_intervals():
    def ticks(rows, **limits):
        texts = Tags(intervals(rows, "label", **limits)).text
        return [
            float(text.replace("\N{MINUS SIGN}", "-"))
            for text in texts
            if text.strip()[-1:].isdigit()
        ]

    shares = [IntervalRow("a", 96, 93, 98), IntervalRow("b", 97, 95, 100)]
    assert min(ticks(shares, limits=(0, 100))) >= 80  # a fifth of the axis
    assert max(ticks(shares, limits=(0, 100))) <= 100
    assert max(ticks([IntervalRow("a", 1_200, 1_100, 1_300)])) < 1_400
    assert ticks([IntervalRow("a", 0, None, None)])
    assert min(ticks([IntervalRow("a", -3, -4, 1)])) < 0


def test_a_row_without_interval_is_a_dot():
    assert "path" in Tags(intervals([IntervalRow("a", 2.0, None, None)], "perplexity")).tags
    with_line = intervals([IntervalRow("a", 2.0, 1.0, 3.0)], "perplexity")
    without = intervals([IntervalRow("a", 2.0, None, None)], "perplexity")
    assert with_line.count("stroke-width: 2") > without.count("stroke-width: 2")


def test_curves_with_intervals_name_their_points_and_the_level():
    points = [IntervalPoint(600, 70, 65, 75), IntervalPoint(2400, 88, None, None)]
    chart = interval_curves(
        {"pet": points, HOSTILE: points[:1]}, "rows", "accuracy", level=("8-shot", 80)
    )
    parsed = Tags(chart)
    for text in ("pet", "8-shot", "600", "2,400", HOSTILE):
        assert text in "".join(parsed.text)
    assert not {"script", "img"} & set(parsed.tags)
    assert chart == interval_curves(
        {"pet": points, HOSTILE: points[:1]}, "rows", "accuracy", level=("8-shot", 80)
    )


def test_signs_that_the_chart_font_lacks_are_drawn_by_the_page():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chart = intervals([IntervalRow("\u8a9e", 1, 0, 2)], "label")
    assert "\u8a9e" in chart


def test_confusion_table_shades_by_share_of_the_row():
    table = confusion_table(["a", HOSTILE], ["a", HOSTILE, "(other)"], [[3, 1, 0], [0, 0, 0]])
    assert "--share:0.750" in table
    assert '<td class="miss" style="--share:0.250">1</td>' in table
    assert not {"script", "img"} & set(Tags(table).tags)


def test_confusion_table_refuses_a_matrix_of_another_size():
    with pytest.raises(ValueError, match="zip"):
        confusion_table(["a", "b"], ["a", "b"], [[1, 0]])


def test_long_heads_of_a_confusion_table_keep_both_ends():
    labels = [f"a_label_that_begins_like_the_other_one_and_ends_{end}" for end in ("in", "out")]
    parsed = Tags(confusion_table(labels, labels, [[1, 0], [0, 1]]))
    texts = "".join(parsed.text)
    assert texts.count("a_label_that_begins_lik…") == 4
    assert "other_one_and_ends_in" not in texts
    assert texts.count("one_and_ends_out") == 2
    assert parsed.attributes.count("title") == 4


def test_heads_whose_ends_are_alike_show_where_they_differ():
    ends = "as_long_as_it_is_" * 3
    labels = [f"{ends}{middle}_{ends}" for middle in ("this_one", "another")] + ["short"]
    parsed = Tags(confusion_table(labels, labels, [[1, 0, 0], [0, 1, 0], [0, 0, 1]]))
    texts = "".join(parsed.text)
    assert texts.count("…this_one_as_long") == texts.count("…another_as_long") == 2
