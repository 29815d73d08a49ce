import pytest
from transformers import GenerationConfig

from tuneline.prediction.decoding import GREEDY, Decoding, seed_of


def config_of(decoding: Decoding) -> GenerationConfig:
    return decoding.for_transformers(max_new_tokens=9, stop=[2, 5], padding=0)


def test_greedy_asks_for_the_most_likely_token():
    config = config_of(GREEDY)
    assert (config.do_sample, config.max_new_tokens) == (False, 9)
    assert (config.eos_token_id, config.pad_token_id) == ([2, 5], 0)
    assert GREEDY.for_vllm()["temperature"] == 0.0


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({}, Decoding()),
        ({"temperature": 0.6, "top_p": 0.9}, Decoding()),  # without do_sample they do nothing
        ({"repetition_penalty": 1.1}, Decoding(repetition_penalty=1.1)),
        (
            {"do_sample": True, "temperature": 0.6, "top_p": 0.9, "top_k": 20},
            Decoding(temperature=0.6, top_p=0.9, top_k=20),
        ),
        # transformers keeps 50 tokens where a model that samples names no top_k
        ({"do_sample": True, "min_p": 0.1}, Decoding(temperature=1.0, top_k=50, min_p=0.1)),
    ],
)
def test_a_models_own_settings_are_read(own, expected):
    read = Decoding.of_model(GenerationConfig(**own))
    assert read == expected
    assert Decoding.of_model(config_of(read)) == expected


def test_vllm_gets_the_same_under_the_same_names():
    decoding = Decoding(temperature=0.6, top_p=0.9, top_k=20, min_p=0.1, repetition_penalty=1.2)
    config = config_of(decoding)
    for name, value in decoding.for_vllm().items():
        assert getattr(config, name) == value


def test_a_seed_depends_on_the_users_and_on_what_is_asked():
    assert seed_of(0, [[1, 2]]) == seed_of(0, [[1, 2]])
    seeds = [seed_of(0, [[1, 2]]), seed_of(1, [[1, 2]]), seed_of(0, [[1], [2]]), seed_of(0, [[2]])]
    assert len(set(seeds)) == 4
    assert all(0 <= seed < 2**63 for seed in seeds)
