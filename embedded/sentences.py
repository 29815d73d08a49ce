"""Plain sentences about a topic, messages that ask for something, and slips of the keyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from embedded.lexicon import Lexicon, Topic

_FRAMES = (
    "The {adjective} {noun} is near the {noun2}.",
    "{name} {verb} the {noun} on {day}.",
    "My {noun} is {adjective} and the {noun2} is not.",
    "We {verb} the {adjective} {noun} in {place}.",
    "I like the {noun} because it is {adjective}.",
    "There are {number} {adjective} things beside the {noun}.",
    "{name} and {name2} {verb} the {noun} with a {noun2}.",
    "Have you ever seen such a {adjective} {noun}?",
    "In {month} they {verb} the {noun} again.",
    "Nobody knows where the {adjective} {noun} was.",
    "The {noun} that {name} {verb} was {adjective}.",
    "First I {verb} the {noun}, then I {verb2} the {noun2}.",
    "The day was {adjective} when {name} {verb} the {noun}.",
    "Please put the {noun} next to the {adjective} {noun2}.",
)


def topic_sentence(lexicon: Lexicon, topic: Topic, generator: Random) -> str:
    """A sentence whose nouns, verbs and adjectives belong to one topic."""
    noun, noun2 = generator.sample(topic.nouns, 2)
    verb, verb2 = generator.sample(topic.verbs, 2)
    name, name2 = generator.sample(lexicon.names, 2)
    return generator.choice(_FRAMES).format(
        noun=noun,
        noun2=noun2,
        verb=verb,
        verb2=verb2,
        name=name,
        name2=name2,
        adjective=generator.choice(topic.adjectives),
        day=generator.choice(lexicon.days),
        month=generator.choice(lexicon.months),
        place=generator.choice(lexicon.places),
        number=generator.choice(lexicon.number_words),
    )


def request(lexicon: Lexicon, wish: str, generator: Random) -> str:
    """A wish as a person puts it: ``could you help me to open the window``."""
    return generator.choice(lexicon.frames).format(wish=wish)


def message(lexicon: Lexicon, said: str, generator: Random) -> str:
    """What is said, perhaps with a greeting before it and thanks after it, well typed or not."""
    parts = [said]
    if generator.random() < 0.5:
        parts.insert(0, generator.choice(lexicon.openers))
    if generator.random() < 0.3:
        parts.append(generator.choice(("thank you", "thanks", "please answer", "bye")))
    text = generator.choice((", ", ". ", " ")).join(parts)
    if generator.random() < 0.5:
        text = text[0].upper() + text[1:] + generator.choice((".", "!", "?"))
    return mistype(text, generator) if generator.random() < 0.3 else text


def mistype(text: str, generator: Random) -> str:
    """Swap, drop or double one letter inside a word of at least four letters.

    A text without such a word comes back as it is.
    """
    words = text.split(" ")
    long_words = [i for i, word in enumerate(words) if len(word) > 3 and word.isalpha()]
    if not long_words:
        return text
    place = generator.choice(long_words)
    words[place] = mistype_word(words[place], generator)
    return " ".join(words)


def mistype_word(word: str, generator: Random) -> str:
    """Swap, drop or double one inner letter of a word of at least four letters."""
    i = generator.randrange(1, len(word) - 2)
    match generator.randrange(3):
        case 0:
            return word[:i] + word[i + 1] + word[i] + word[i + 2 :]
        case 1:
            return word[:i] + word[i + 1 :]
        case _:
            return word[: i + 1] + word[i:]


def invented_word(generator: Random) -> str:
    """A word that means nothing, of one to three syllables; only copying can say it again."""
    return "".join(
        generator.choice("bcdfghjklmnprstvwz")
        + generator.choice(("a", "e", "i", "o", "u", "ai", "ee", "oo"))
        + generator.choice(("", "", "l", "n", "r", "s", "t", "ng"))
        for _ in range(generator.randint(1, 3))
    )


def listed(words: Sequence[str]) -> str:
    """Words as a list in a sentence: ``a, b, c``."""
    return ", ".join(words)
