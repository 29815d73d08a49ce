from hypothesis import given, settings
from hypothesis import strategies as st

from tuneline.data.sources.source import Purpose, short_names

steps = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map("/".join)
purposes = st.sampled_from(["data", "validation", "test"])


@settings(max_examples=80)
@given(st.lists(st.tuples(purposes, steps), unique=True, max_size=6))
def test_names_are_short_and_all_different(places):
    names = short_names(places)
    assert len(set(names)) == len(places)
    for (_, path), name in zip(places, names, strict=True):
        assert path.endswith(name.split(":")[-1])


def test_as_many_steps_as_it_takes():
    places: list[tuple[Purpose, str]] = [
        ("data", "x/1/a.csv"),
        ("data", "y/1/a.csv"),
        ("data", "y/1/b.csv"),
    ]
    assert short_names(places) == ["x/1/a.csv", "y/1/a.csv", "b.csv"]
