"""Lines of a log: told once each, wherever its stream breaks."""

from hypothesis import given
from hypothesis import strategies as st

from tuneline.kubeflow.train_job.lines import Untold, split_lines, stamped

times = st.integers(0, 3).map(lambda second: f"2026-01-01T00:00:0{second}.000000000")


cuts = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=6)


@given(st.lists(times, max_size=12).map(sorted), cuts)
def test_each_line_is_told_once_in_its_order(written, breaks):
    log = list(enumerate(written))
    untold, told, reached = Untold(), [], 0
    for back, length in [*breaks, (0, len(log))]:
        # A stream begins at or before what was told, never within lines of one time, and breaks
        # off somewhere; the last one does not.
        start = max(reached - back, 0)
        while start and written[start - 1] == written[min(start, len(log) - 1)]:
            start -= 1
        end = min(start + length, len(log))
        untold.read_again()
        told += [number for number, time in log[start:end] if untold.is_new(time)]
        reached = max(reached, end)
    assert told == list(range(len(log)))


def test_lines_that_are_out_of_order_are_told_all_the_same():
    untold = Untold()
    untold.read_again()
    assert [untold.is_new(time) for time in ("1", "3", "2", "4")] == [True] * 4
    untold.read_again()
    assert [untold.is_new(time) for time in ("3", "2", "4", "5", "4")] == [
        *(False, False, False),
        *(True, True),
    ]


@given(st.lists(st.text(st.characters(exclude_characters="\n", codec="utf-8"))), st.data())
def test_lines_are_put_together_from_any_pieces(lines, data):
    content = "".join(f"{line}\n" for line in lines).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=6)))
    pieces = [content[a:b] for a, b in zip([0, *cuts], [*cuts, len(content)], strict=True)]
    assert list(split_lines(pieces)) == lines


def test_the_end_of_a_stream_ends_a_line_too():
    assert list(split_lines([b"one\ntw", b"o"])) == ["one", "two"]


@given(st.integers(0, 10**9 - 1), st.integers(0, 10**9 - 1))
def test_times_sort_as_text(first, second):
    def line(nanoseconds: int) -> str:
        fraction = f"{nanoseconds:09d}".rstrip("0")
        return f"2026-01-01T00:00:00{'.' * bool(fraction)}{fraction}Z loss 0.5"

    one, other = stamped(line(first)), stamped(line(second))
    assert (one.written < other.written) == (first < second)
    assert one.text == "loss 0.5"


@given(st.text())
def test_what_has_no_time_is_kept_whole(text):
    line = stamped(f"x{text}")
    assert line == ("", f"x{text}")
