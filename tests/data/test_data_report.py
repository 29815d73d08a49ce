from html.parser import HTMLParser

import pytest

from tests.data.source_files import pairs, prepare_into, write_jsonl

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "</div></body></html><script>",
    "{{ 7 * 7 }}{% include 'base.html' %}",
    '<a href="javascript:alert(1)">x</a>',
    "</style><style>body{background:url(http://a)}",
]


class Page(HTMLParser):
    """Collects tags, attributes and text."""

    def __init__(self, text):
        super().__init__()
        self.tags = set()
        self.attributes = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    hostile = [
        {"prompt": f"{text} {number}", "completion": text}
        for text in HOSTILE
        for number in range(40)
    ]
    rejected = [{"prompt": text} for text in HOSTILE]
    data = write_jsonl(folder / "<b>a.jsonl", [*hostile, *rejected, *hostile[:3]])
    prepare_into(folder / "out", data)
    return Page((folder / "out" / "report.html").read_text())


def test_user_text_is_inert(page):
    assert not page.tags & {"script", "img", "svg", "a", "iframe", "link"}
    assert not {name for name in page.attributes if name.startswith("on") or name == "href"}
    assert "src" not in page.attributes
    for text in HOSTILE:
        assert text in page.text
    assert "Prepared data: <b>a.jsonl" in page.text


def test_the_page_says_what_happened(page):
    assert "280 of 290 rows became examples for a classification task with 7 labels" in page.text
    assert "7 were rejected and 3 were duplicates" in page.text
    assert "missing_field (rejected): 7" in page.text
    assert "duplicate (duplicate): 3" in page.text
    assert "Example 5" in page.text


def test_a_generation_page_without_anything_left_out(tmp_path):
    rows = [{**row, "completion": f"answer {n}"} for n, row in enumerate(pairs(40))]
    prepare_into(tmp_path / "out", write_jsonl(tmp_path / "a.jsonl", rows))
    text = Page((tmp_path / "out" / "report.html").read_text()).text
    assert "40 of 40 rows became examples for a generation task;" in text
    assert "None." in text
