from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from tuneline.report.breaks import breakable


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("card_payment", "card_<wbr>payment"),
        ("8-shot a/b", "8-<wbr>shot a/<wbr>b"),
        ("--flag -1 _a a_", "--flag -1 _a a_"),
        ("<b>a_b", "&lt;b&gt;a_<wbr>b"),
    ],
)
def test_words_break_behind_separators(text, wanted):
    assert breakable(text) == wanted


@given(st.text(st.sampled_from("ab_-/<>&\"';# ")))
def test_without_the_breaks_it_is_the_escaped_text(text):
    plain = str(breakable(text)).replace("<wbr>", "")
    assert plain == str(escape(text))
    assert unescape(plain) == text
