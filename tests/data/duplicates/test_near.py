import random
import subprocess
import sys
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneline.data.duplicates.exact import DATA, TEST, VALIDATION
from tuneline.data.duplicates.keys import NO_ROW
from tuneline.data.duplicates.minhash import (
    PERMUTATIONS,
    RECALL,
    cut,
    save_signatures,
    signatures,
    similarity,
)
from tuneline.data.duplicates.near import (
    NEAR_REASONS,
    cluster_findings,
    near_clashes,
    near_clusters,
)
from tuneline.data.duplicates.shingles import MAX_SHINGLES, SHINGLE_CHARACTERS, shingles
from tuneline.data.duplicates.signature_files import SignatureFiles

WORDS = ["account", "bank", "card", "delivery", "email", "fee", "garden", "house", "invoice"]
WORDS += ["journey", "kitchen", "letter", "machine", "night", "order", "payment", "question"]
WORDS += ["refund", "school", "ticket", "umbrella", "village", "window", "yellow", "zebra"]


def clusters_of(folder, texts, threshold=0.8, rows_a_file=50, candidates=None):
    paths = []
    for begin in range(0, len(texts), rows_a_file):
        part = texts[begin : begin + rows_a_file]
        paths.append(folder / f"{begin}.signatures")
        # In two parts, as batches come.
        save_signatures(
            paths[-1], [signatures(part[:3], threshold), signatures(part[3:], threshold)]
        )
    if candidates is None:
        candidates = np.ones(len(texts), bool)
    return near_clusters(paths, candidates, threshold)


def sentence(chance, words=12):
    return " ".join(chance.choice(WORDS) + str(chance.randrange(90)) for _ in range(words))


def sets_of(texts):
    """Shingles by definition: the normalised text cut at every character."""
    found = []
    for text in texts:
        folded = "".join(letter if letter.isalnum() else " " for letter in text.casefold())
        whole = " ".join(folded.split())
        whole += " " if whole else ""
        count = max(1, len(whole) - SHINGLE_CHARACTERS + 1) if whole else 0
        found.append({whole[place : place + SHINGLE_CHARACTERS] for place in range(count)})
    return found


def jaccard(one, other):
    return len(one & other) / len(one | other)


@settings(max_examples=100)
@given(st.lists(st.text("aBc é1ß.,!-\n字\U0001f600", max_size=12), min_size=1, max_size=6))
def test_shingles_are_those_of_the_definition(texts):
    found = shingles(texts)
    bounds = found.offsets.astype(int).tolist()
    hashes = [set(found.hashes[a:b].tolist()) for a, b in pairwise(bounds)]
    expected = sets_of(texts)
    assert [len(own) for own in hashes] == [len(own) for own in expected]
    for (one, other), (mine, theirs) in zip(
        combinations(expected, 2), combinations(hashes, 2), strict=True
    ):
        assert len(one & other) == len(mine & theirs)


@pytest.mark.parametrize(
    "twin",
    [
        "how do i reset my password",
        "  How do I -- reset my\tpassword?!",
        "HOW DO I RESET MY PASSWORD",
        "\uff28ow do I reset my password?",
    ],
)
def test_case_white_space_punctuation_and_width_do_not_count(twin):
    one, other = signatures(["How do I reset my password?", twin], 0.8)
    assert (one["slots"] == other["slots"]).all()
    assert (one["bands"] == other["bands"]).all()


def test_a_signature_does_not_depend_on_its_batch():
    chance = random.Random(1)
    texts = [sentence(chance, chance.randrange(1, 20)) for _ in range(40)] + ["", "?", "字"]
    whole = signatures(texts, 0.8)
    alone = np.concatenate([signatures([text], 0.8) for text in texts])
    assert (whole == alone).all()


def test_signatures_start_no_thread():
    # Threads in every worker would fight for the cores, and a fork after them would hang.
    code = (
        "import os\n"
        "import numpy as np\n"
        "from tuneline.data.duplicates.minhash import signatures\n"
        "signatures(['warm'], 0.8)\n"
        "before = len(os.listdir('/proc/self/task'))\n"
        "texts = [f'{number} little words' * 9 for number in range(3000)]\n"
        "signatures([*texts, ' '.join(map(str, range(60_000)))], 0.8)\n"
        "raise SystemExit(len(os.listdir('/proc/self/task')) - before)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_what_comes_very_late_in_a_text_does_not_count():
    chance = random.Random(4)
    text = "".join(chr(chance.randrange(0x4E00, 0x9F00)) for _ in range(MAX_SHINGLES + 2))
    one, longer, shorter = signatures([text, text + text[::-1], text[:-30_000]], 0.8)
    assert (one["slots"] == longer["slots"]).all()
    assert similarity(one["slots"][None], shorter["slots"][None])[0] == pytest.approx(0.5, abs=0.15)


def test_similarity_estimates_jaccard_without_bias():
    chance = random.Random(2)
    texts, twins = [], []
    for _ in range(400):
        words = sentence(chance).split()
        texts.append(" ".join(words))
        for _ in range(chance.randrange(1, 5)):
            words[chance.randrange(len(words))] = chance.choice(WORDS)
        twins.append(" ".join(words))
    true = np.array(list(map(jaccard, sets_of(texts), sets_of(twins))))
    left, right = signatures(texts, 0.8)["slots"], signatures(twins, 0.8)["slots"]
    error = similarity(left, right) - true
    assert abs(error.mean()) < 0.01
    assert error.std() < 0.05


@pytest.mark.parametrize("threshold", [0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
def test_bands_find_a_pair_at_the_threshold_and_no_longer_ones_would(threshold):
    bands, slots = cut(threshold)
    assert bands * slots <= PERMUTATIONS
    assert 1 - (1 - threshold**slots) ** bands >= RECALL
    assert slots == PERMUTATIONS or (
        1 - (1 - threshold ** (slots + 1)) ** (PERMUTATIONS // (slots + 1)) < RECALL
    )


def edited(chance, text, edits):
    words = text.split()
    for _ in range(edits):
        words[chance.randrange(len(words))] = chance.choice(WORDS)
    return " ".join(words)


def test_recall_and_precision_against_true_jaccard(tmp_path):
    chance = random.Random(3)
    texts = []
    for _ in range(150):
        text = sentence(chance, chance.randrange(8, 25))
        texts += [text, edited(chance, text, 1), edited(chance, text, 2)]
    clusters = clusters_of(tmp_path, texts)
    pairs = [
        (jaccard(one, other), clusters[a] == clusters[b])
        for (a, one), (b, other) in combinations(enumerate(sets_of(texts)), 2)
    ]
    twins = [together for similar, together in pairs if similar >= 0.8]
    strangers = [together for similar, together in pairs if similar < 0.6]
    assert len(twins) > 100
    assert sum(twins) / len(twins) > 0.95
    assert sum(strangers) / len(strangers) < 0.001


@settings(max_examples=15)
@given(st.randoms(use_true_random=False), st.integers(1, 40))
def test_clusters_do_not_depend_on_the_order_or_the_files(tmp_path_factory, chance, rows_a_file):
    texts = []
    for _ in range(20):
        text = sentence(chance)
        texts += [text, edited(chance, text, 1), text.upper()][: chance.randrange(1, 4)]
    expected = clusters_of(tmp_path_factory.mktemp("one"), texts)
    order = chance.sample(range(len(texts)), len(texts))
    shuffled = clusters_of(
        tmp_path_factory.mktemp("other"), [texts[place] for place in order], rows_a_file=rows_a_file
    )
    for one, other in combinations(range(len(texts)), 2):
        apart = shuffled[one] != shuffled[other]
        assert (expected[order[one]] != expected[order[other]]) == apart


def test_a_text_without_letters_is_like_no_other(tmp_path):
    clusters = clusters_of(tmp_path, ["?!", "...", "", "yes", "Yes!", "\U0001f600"])
    assert clusters.tolist() == [NO_ROW, NO_ROW, NO_ROW, 3, 3, NO_ROW]


def test_rows_that_are_not_looked_at_join_no_cluster(tmp_path):
    candidates = np.array([False, True, True])
    clusters = clusters_of(tmp_path, ["the same"] * 3, candidates=candidates)
    assert clusters.tolist() == [NO_ROW, 1, 1]


def test_a_key_that_very_many_rows_share_is_no_obstacle(tmp_path):
    records = np.tile(signatures(["the same text"], 0.8), 40_000)
    # Half of them share every band key and are nothing like the others, nor like each other.
    records["slots"][::2] = np.random.default_rng(0).integers(0, 256, (20_000, PERMUTATIONS))
    path = tmp_path / "all.signatures"
    save_signatures(path, [records])
    clusters = near_clusters([path], np.ones(40_000, bool), 0.8)
    assert set(clusters[1::2].tolist()) == {1}
    assert len(np.unique(clusters)) == 20_001


def test_signature_files_give_back_what_was_saved(tmp_path):
    records = signatures([sentence(random.Random(number)) for number in range(30)], 0.8)
    paths = [tmp_path / "a", tmp_path / "b"]
    save_signatures(paths[0], [records[:7], records[7:11]])
    save_signatures(paths[1], [records[11:]])
    files = SignatureFiles(paths, 0.8)
    assert len(files) == 30
    for band in range(files.bands):
        assert (files.band(band) == records["bands"][:, band]).all()
    rows = np.array([29, 0, 11, 10, 0], np.int32)
    assert (files.slots(rows) == records["slots"][rows]).all()


PURPOSES = np.array([TEST, TEST, VALIDATION, VALIDATION, DATA, DATA, DATA, DATA], np.uint8)
CLUSTERS = np.array([0, 0, 0, 3, 0, 3, 6, 6], np.int32)


def near_reasons(clusters, *, remove):
    found = near_clashes(clusters, PURPOSES, np.ones(8, bool), remove=remove)
    return [NEAR_REASONS[reason] for reason in found.reasons], found.partners.tolist()


def test_training_rows_like_held_out_rows_leave():
    reasons, partners = near_reasons(CLUSTERS, remove=False)
    in_test, in_validation = "near_duplicate_in_test", "near_duplicate_in_validation"
    assert reasons == ["", "", in_test, "", in_test, in_validation, "", ""]
    assert partners == [NO_ROW, NO_ROW, 0, NO_ROW, 0, 3, NO_ROW, NO_ROW]


def test_removing_keeps_the_first_of_each_cluster():
    reasons, partners = near_reasons(CLUSTERS, remove=True)
    assert [reasons[row] for row in (0, 1, 6, 7)] == ["", "near_duplicate", "", "near_duplicate"]
    assert (partners[1], partners[7]) == (0, 6)


def test_rows_without_a_cluster_clash_with_nothing():
    reasons, _ = near_reasons(np.full(8, NO_ROW, np.int32), remove=True)
    assert set(reasons) == {""}


def test_a_large_cluster_is_told():
    clusters = np.arange(100, dtype=np.int32)
    assert cluster_findings(clusters) == []
    clusters[40:46] = 40
    (finding,) = cluster_findings(clusters)
    assert finding.code == "large_cluster"
    assert finding.sentence.startswith("6 of 100 rows")
    assert cluster_findings(np.full(5, NO_ROW, np.int32)) == []
