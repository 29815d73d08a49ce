import math

import pytest

from tests.evaluation.report.parts import ACCURACY, PERPLEXITY, measured
from tuneline.evaluation.results import Metric
from tuneline.evaluation.wording import (
    MINUS,
    UNKNOWN,
    dollars,
    duration,
    gap,
    interval,
    p_number,
    p_value,
    score,
    signed,
    signed_interval,
    size,
)


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        (score(0.9124, ACCURACY), "91.2 %"),
        (score(1.3712, PERPLEXITY), "1.37"),
        (score(12_345.6, PERPLEXITY), "12,346"),
        (score(999.6, PERPLEXITY), "1,000"),
        (score(math.nan, PERPLEXITY), UNKNOWN),
        (gap(-0.0421, ACCURACY), f"{MINUS}4.2 points"),
        (gap(-0.0001, ACCURACY), "0.0 points"),
        (gap(0.214, PERPLEXITY), "0.214"),
        (signed(0.042, ACCURACY), "+4.2"),
        (signed(-0.042, ACCURACY), f"{MINUS}4.2"),
        (signed(0.0001, ACCURACY), "0.0"),
        (signed(-0.0, PERPLEXITY), "0"),
        (signed(1_200.0, PERPLEXITY), "+1,200"),
        (signed(math.nan, ACCURACY), UNKNOWN),
        (signed_interval(-0.01, 0.02, ACCURACY), f"{MINUS}1.0 to +2.0"),
        (signed_interval(None, 0.02, ACCURACY), ""),
        (interval(measured(0.9), ACCURACY), "86.0 to 94.0"),
        (interval(Metric(value=1, low=-1, high=1000.2), PERPLEXITY), f"{MINUS}1 to 1,000"),
        (interval(measured(0.9, 0), ACCURACY), ""),
        (p_number(0.0312), "0.031"),
        (p_number(0.00001), "< 0.0001"),
        (p_value(0.0312), "p = 0.031"),
        (p_value(0), "p < 0.0001"),
        (p_value(1.0), "p = 1"),
        (dollars(None), UNKNOWN),
        (dollars(0), "$0.00"),
        (dollars(12.4), "$12.40"),
        (dollars(0.5), "$0.50"),
        (dollars(0.0312), "$0.031"),
        (dollars(0.00000213), "$0.0000021"),
        (dollars(12_345.6), "$12,345.60"),
        (size(0), UNKNOWN),
        (size(999), "999 B"),
        (size(4_325_376), "4.33 MB"),
        (size(999_999), "1 MB"),
        (size(1_230_000_000), "1.23 GB"),
        (duration(8.42), "8.4 s"),
        (duration(99.96), "1 min 40 s"),
        (duration(200), "3 min 20 s"),
        (duration(3_599.9), "1 h 0 min"),
        (duration(7_500), "2 h 5 min"),
    ],
)
def test_numbers_are_written_as_people_read_them(written, wanted):
    assert written == wanted
