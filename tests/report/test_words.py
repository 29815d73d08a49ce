from tuneline.report.words import capitalized, counted, listed, name_of, sentence_of


def test_counts_agree_with_their_nouns():
    assert [counted(count, "row") for count in (0, 1, 2, 1_200)] == [
        "0 rows",
        "1 row",
        "2 rows",
        "1,200 rows",
    ]


def test_lists_read_as_sentences():
    assert [listed(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]


def test_names_and_sentences_are_cut_and_show_what_cannot_be_seen():
    assert name_of("x" * 130) == "x" * 120 + "… (10 more characters)"
    assert sentence_of("x" * 1_501).endswith("… (1 more characters)")
    assert name_of("a\x00") == "a⟨U+0000⟩"


def test_titles_are_capitalized_unless_they_are_names():
    titles = ["accuracy", "macro-F1", "pass@1", "chrF", "ROUGE-L", "answers that are no label", ""]
    assert [capitalized(title) for title in titles] == [
        "Accuracy",
        "Macro-F1",
        "Pass@1",
        "chrF",
        "ROUGE-L",
        "Answers that are no label",
        "",
    ]
