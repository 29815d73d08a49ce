"""The pre-training corpus takes seconds to make, so the tests share one."""

import pytest

from embedded.corpus import make_corpus


@pytest.fixture(scope="session")
def corpus():
    return make_corpus()
