import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.data.source_files import pair, pairs, prepare_into, write_jsonl
from tuneline.data.manifest import FindingSummary
from tuneline.data.report.found import findings_view

HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "</div></body></html><script>",
    "{{ 7 * 7 }}{% include 'base.html' %}",
    '<a href="javascript:alert(1)">x</a>',
    "</style><style>body{background:url(http://a)}",
    "' onclick='alert(1)",
]
ALWAYS = {"findings", "rows", "splits", "duplicates", "lengths", "samples", "files"}


class Page(HTMLParser):
    """Collects tags, attributes, ids, links and text; the cells of tables by row."""

    def __init__(self, text):
        super().__init__()
        self.source = text
        self.tags = set()
        self.attributes = []
        self.text = ""
        self.rows = []
        self.in_cell = False
        self.feed(text)
        self.text = re.sub(r"\s+", " ", self.text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag in ("td", "th"):
            self.in_cell = True

    def handle_endtag(self, tag):
        if tag == "table":
            self.in_cell = False

    def handle_data(self, data):
        self.text += data
        if self.rows and self.in_cell:
            self.rows[-1][-1] += data.strip()

    @property
    def names(self):
        return {name for name, _ in self.attributes}

    @property
    def sections(self):
        return set(re.findall(r'<section id="(\w+)"', self.source))

    def row(self, first):
        """The numbers of the first table row whose first cell is this."""
        return next(row[1:] for row in self.rows if row[0] == first)


def page_of(folder):
    return Page((folder / "report.html").read_text(encoding="utf-8"))


def conversation(number):
    turns: list[dict[str, Any]] = [
        {"role": "system", "content": "Answer <b>kindly</b>"},
        {"role": "user", "content": f"mail ann{number}@corp-mail.com about order {number}"},
    ]
    row: dict[str, Any] = {"messages": turns}
    if number % 2:
        call = {"name": "look_up", "arguments": json.dumps({"to": f"bob{number}@corp-mail.com"})}
        calls = [{"id": "c", "type": "function", "function": call}]
        turns += [
            {"role": "assistant", "tool_calls": calls},
            {"role": "tool", "tool_call_id": "c", "content": '{"found": "<i>"}'},
        ]
        schema = {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]}
        row["tools"] = [{"type": "function", "function": {"name": "look_up", "parameters": schema}}]
    if number % 3 == 0:
        picture = {"type": "image_url", "image_url": {"url": f"gs://bucket/{number}.png"}}
        turns[1]["content"] = [{"type": "text", "text": f"look at {number}"}, picture]
    for turn in range(8 * (number % 5 == 0)):
        turns += [
            {"role": "assistant", "content": f"well {turn} {number}"},
            {"role": "user", "content": f"and {turn} {number}"},
        ]
    turns.append({"role": "assistant", "content": f"It is done.\nOrder {number} " + "x" * 700})
    return row


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    good = [
        {"prompt": f"{text} {number} {'word ' * number}", "completion": text}
        for text in HOSTILE
        for number in range(40)
    ]
    rejected = [{"prompt": text} for text in HOSTILE]
    broken = [f'{{"prompt": "{HOSTILE[0]}', "[]", {"prompt": HOSTILE, "completion": "a"}]
    data = write_jsonl(folder / "<b onclick='x'>a.jsonl", [*good, *rejected, *broken, *good[:3]])
    manifest = prepare_into(folder / "out", data, group_column="", exports=["gemini_jsonl"])
    return page_of(folder / "out"), manifest


def test_user_text_is_inert(hostile):
    page, _ = hostile
    assert not page.tags & {"script", "img", "svg", "iframe", "link", "object", "form", "base"}
    assert not {name for name in page.names if name.startswith("on") or name in ("src", "action")}
    links = [value for name, value in page.attributes if name == "href"]
    assert links
    assert all(link.startswith("#") for link in links)
    ids = [value for name, value in page.attributes if name == "id"]
    assert set(links) <= {f"#{identifier}" for identifier in ids}
    assert len(ids) == len(set(ids))
    for text in HOSTILE:
        assert text in page.text
    assert "Prepared data: <b onclick='x'>a.jsonl" in page.text


def test_styles_come_from_numbers_alone(hostile):
    page, _ = hostile
    styles = [value for name, value in page.attributes if name == "style"]
    assert styles
    assert all(re.fullmatch(r"(width|height|left|max-width): [\d.]+(%|rem)", it) for it in styles)


def test_every_section_has_the_numbers_of_the_manifest(hostile):
    page, manifest = hostile
    counts = manifest.counts
    assert f"360 of {counts.read} rows became examples for a classification task" in page.text
    assert "with 9 labels; 12 were rejected and 3 were duplicates" in page.text
    splits = [f"{counts.per_split[split]:,}" for split in ("train", "validation", "test")]
    assert page.row("In all") == ["", "375", *splits, "12", "3"]
    assert page.row(manifest.sources[0].file) == ["data", "375", *splits, "12", "3"]
    for label, own in manifest.labels.items():
        assert page.row(label)[1:] == [str(sum(own.values())), *map(str, own.values())]
    for name, file in manifest.files.items():
        assert page.row(name) == [f"{file.rows:,}", f"{file.bytes:,}", file.sha256]
    for rule in manifest.rules:
        assert f"{rule.rows} row{'s' * (rule.rows != 1)} {rule.code} {rule.sentence}" in page.text
        assert f"What to do: {rule.fix}" in page.text
    for finding in manifest.findings:
        assert finding.sentence in page.text


def test_lengths_are_those_of_the_manifest(hostile):
    page, manifest = hostile
    for name, own in {
        "Prompts, characters": manifest.lengths.prompt,
        "Answers, characters": manifest.lengths.answer,
        "Prompts, tokens": manifest.lengths.prompt_tokens,
        "Answers, tokens": manifest.lengths.answer_tokens,
    }.items():
        shortest, _, _, median, _, p95, _, longest, mean, _ = page.row(name)
        expected = [f"{value:,}" for value in (own.min, own.median, own.p95, own.max)]
        assert [shortest, median, p95, longest] == expected
        assert mean == f"{own.mean:,.1f}"
    charts = re.findall(r'class="columns">(.*?)</div>', page.source)
    assert len(charts) == 4
    for chart in charts:
        counts = re.findall(r': ([\d,]+)"', chart)
        assert sum(int(count.replace(",", "")) for count in counts) == manifest.counts.kept
    assert "Tokens are estimated" in page.text


def test_only_sections_with_something_to_say_are_there(hostile, tmp_path):
    assert hostile[0].sections == {*ALWAYS, "rules", "labels"}
    rows = [{"prompt": f"{n**5} {n}", "completion": f"answer {n}"} for n in range(40)]
    data = write_jsonl(tmp_path / "a.jsonl", rows)
    prepare_into(tmp_path / "out", data, near_duplicates="off", validation_share=0, test_share=0)
    page = page_of(tmp_path / "out")
    assert page.sections == ALWAYS
    assert "40 of 40 rows became examples for a generation task;" in page.text
    assert "Nothing stands out" in page.text
    assert "No row was left out as a duplicate" in page.text
    assert "were not looked for" in page.text
    assert "aiming at" not in page.text


def test_conversations_are_rendered_with_everything_in_them(tmp_path):
    data = write_jsonl(tmp_path / "a.jsonl", map(conversation, range(1, 61)))
    prepare_into(tmp_path / "out", data, task="generation")
    page = page_of(tmp_path / "out")
    for text in (
        "Answer <b>kindly</b>",
        '"name":"look_up"',
        "model: calls a function",
        'look_up({"to":"[EMAIL]"})',
        "user: function response",
        '{"found":"<i>"}',
        "user: file, image/png",
        "gs://bucket/",
        "about order",
        "more characters)",
        "in the middle are not shown",
        "model It is done. Order",
    ):
        assert text in page.text
    assert "corp-mail" not in page.source
    assert not page.tags & {"img", "script"}


def test_samples_come_from_all_over_the_split(tmp_path):
    rows = [pair(number, f"label {number // 100}") for number in range(600)]
    prepare_into(tmp_path / "out", write_jsonl(tmp_path / "a.jsonl", rows))
    shown = page_of(tmp_path / "out").source.partition('<section id="samples"')[2]
    assert set(re.findall(r'"badge"><bdi>(label \d)', shown)) == {f"label {n}" for n in range(6)}


def test_a_target_shows_its_cost_limits_and_statistics(tmp_path):
    data = write_jsonl(tmp_path / "a.jsonl", pairs(100))
    manifest = prepare_into(tmp_path / "out", data, target="gemini-3.1-flash-lite")
    page = page_of(tmp_path / "out")
    assert page.sections == {*ALWAYS, "labels", "target"}
    assert manifest.target is not None
    for text in (manifest.target.cost_says, *manifest.target.warnings, *manifest.target.notes):
        assert re.sub(r"\s+", " ", text) in page.text
    at_the_top = page.source.partition('<section id="rows"')[0]
    assert manifest.target.warnings
    assert all(sentence in at_the_top for sentence in manifest.target.warnings)
    train = str(manifest.counts.per_split["train"])
    assert page.row("training rows, at most")[1] == train
    assert page.row("tuningDatasetExampleCount") == [train]
    statistics = manifest.target.statistics.user_input_token_distribution
    assert statistics is not None
    found = page.row("userInputTokenDistribution")
    assert (found[0], found[-1]) == (f"{statistics.sum:,}", str(statistics.max))


def test_a_mixture_shows_its_shares_and_own_files_how_they_are_used(tmp_path):
    (tmp_path / "parts").mkdir()
    for part in range(3):
        rows = pairs(100, 100 * part)
        write_jsonl(tmp_path / "parts" / f"{part}.jsonl", rows)
    write_jsonl(tmp_path / "extra.jsonl", pairs(600, 1_000))
    test = write_jsonl(tmp_path / "test.jsonl", pairs(50, 280))
    manifest = prepare_into(
        tmp_path / "out",
        f"{tmp_path}/parts/*.jsonl",
        mixture={str(tmp_path / "extra.jsonl"): 0.5},
        test_data=str(test),
        near_duplicates="off",
    )
    page = page_of(tmp_path / "out")
    outside = manifest.counts.per_reason["outside_mixture"]
    assert f"0 were rejected, {outside} left out by choice and 20 were duplicates" in page.text
    purpose, read, train, *_, duplicates = page.row("0.jsonl and 2 more files")
    assert (purpose, read, duplicates) == ("data", "300", "20")
    mixture = [row for row in page.rows if row[1:2] in (["1"], ["0.5"])]
    assert [row[2] for row in mixture] == ["66.7 %", "33.3 %"]
    assert next(row[4] for row in mixture) == train
    assert [row[5] for row in mixture] == ["0", str(outside)]
    assert "The test split is your own test data" in page.text
    assert page.row("2.jsonl")[:2] == ["data", "100"]
    assert str(tmp_path) not in page.source


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"time_column": "day"}, "By time: the newest rows by the column day"),
        ({"group_column": "shop", "task": "generation"}, "By hash of the group (seed 0)"),
        ({"label_column": "shop"}, "By label and hash (seed 0)"),
        ({"task": "generation", "test_share": 0.3}, "aiming at 10 % validation and 30 % test"),
        ({"group_column": "shop"}, "the same prompt or the same shop or almost the same prompt"),
        ({"near_duplicates": "remove"}, "Only the first of each cluster was kept."),
    ],
)
def test_the_page_says_how_the_splits_were_made(tmp_path, settings, sentence):
    rows = [
        {**pair(number), "day": f"2026-01-{1 + number % 28:02}", "shop": f"shop {number % 20}"}
        for number in range(200)
    ]
    prepare_into(tmp_path / "out", write_jsonl(tmp_path / "a.jsonl", rows), **settings)
    assert sentence in page_of(tmp_path / "out").text


def test_masked_values_are_counted(tmp_path):
    rows = [{**pair(n), "prompt": f"{n**5} mail ann{n}@corp-mail.com"} for n in range(60)]
    data = write_jsonl(tmp_path / "a.jsonl", rows)
    manifest = prepare_into(tmp_path / "out", data, mask=["pii_email"], max_rejected_share=1)
    page = page_of(tmp_path / "out")
    assert "masked" in page.sections
    assert page.row("pii_email") == [str(manifest.masked["pii_email"])]


def test_the_gravest_finding_is_the_first(hostile):
    given = [("a", "warn"), ("b", "error"), ("rejected", "warn"), ("missing_field", "error")]
    given += [(f"more {number}", "warn") for number in range(50)]
    findings = [
        FindingSummary(code=code, severity=severity, sentence="x" * 2_000)
        for code, severity in given
    ]
    view = findings_view(hostile[1].model_copy(update={"findings": findings}))
    shown = view.first
    assert [(one.code, one.link) for one in shown[:4]] == [
        ("b", ""),
        ("missing_field", "rule-missing_field"),
        ("a", ""),
        ("rejected", "rules"),
    ]
    assert (len(shown), view.hidden) == (40, 14)
    assert len(shown[0].sentence) < 1_600


def test_findings_lead_to_their_rows(hostile):
    page, _ = hostile
    assert ("href", "#rules") in page.attributes
    assert page.source.index("<code>rejected</code>") < page.source.index('href="#rules">see the')


def test_a_page_of_much_data_stays_small(tmp_path):
    (tmp_path / "parts").mkdir()
    mail = "ann@corp-mail.com \u202e <|im_start|> "
    for part in range(120):
        rows: list[Any] = [
            {"prompt": mail + f"{n} {part} " + "<&>" * 300, "completion": f"{n:03}" + "&" * 90}
            for n in range(300 * (part % 40 == 0) or 3)
        ]
        rows += [{"prompt": "<" * 5_000}, "{" + '"' * 5_000, {"prompt": 1, "completion": "<" * 90}]
        write_jsonl(tmp_path / "parts" / f"{'<' * 80}{part}.jsonl", rows)
    manifest = prepare_into(
        tmp_path / "out",
        f"{tmp_path}/parts",
        rules={"template_token": "warn"},
        task="classification",
        near_duplicates="off",
        max_rejected_share=1,
    )
    assert len(manifest.sources) == 120
    page = page_of(tmp_path / "out")
    assert len(page.source) < 500_000
    assert "70 more files are in manifest.json" in page.text
    assert "200 rarer labels with" in page.text
    assert page.source.count("more characters)") > 10


def test_equal_runs_give_equal_pages(tmp_path):
    data = write_jsonl(tmp_path / "a.jsonl", [*pairs(60), *pairs(3), {"prompt": "b"}])
    for name in ("one", "other"):
        prepare_into(tmp_path / name, data)
    one, other = ((tmp_path / name / "report.html").read_bytes() for name in ("one", "other"))
    assert one == other
