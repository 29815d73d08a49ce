from hypothesis import example, given
from hypothesis import strategies as st

from tuneline.evaluation.report.difference import Piece, pieces

TEXT = st.text(st.sampled_from("ab ,.\n語"), max_size=60)


@given(TEXT, TEXT)
@example("", "")
@example("a", "")
@example("", "a")
def test_all_pieces_together_are_the_answer(expected, answer):
    assert "".join(piece.text for piece in pieces(expected, answer)) == answer


@given(TEXT, TEXT)
def test_without_what_is_extra_and_with_what_is_missing_it_is_the_expected_answer(expected, answer):
    found = pieces(expected, answer)
    if len(found) > 1:
        rebuilt = "".join(
            f" {piece.missing} " + ("" if piece.extra else piece.text) for piece in found
        )
        assert "".join(rebuilt.split()) == "".join(expected.split())


def test_a_changed_word_is_missing_and_extra():
    found = pieces("ship it on Friday, then rest", "ship it on Monday, then rest")
    assert [piece.text for piece in found if piece.extra] == ["Monday"]
    assert [piece.missing for piece in found if piece.missing] == ["Friday"]


def test_what_is_missing_at_the_end_is_named():
    assert pieces("a b c d e", "a b c")[-1] == Piece("", missing="d e")


def test_white_space_alone_is_no_difference():
    assert pieces("a  b\n", "a b") == [Piece("a b")]


def test_another_answer_has_no_marks():
    assert pieces("billing", "delivery") == [Piece("delivery")]


def test_long_gaps_are_shortened():
    expected = "same words here " * 20 + "gone " * 40
    found = pieces(expected, "same words here " * 20)
    assert max(len(piece.missing) for piece in found) == 81
