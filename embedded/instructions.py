"""General instructions with their answers, one function for each kind.

Every function draws one chat. None of them knows the demo's data: they teach to copy, to find, to
choose from a list, to follow a pattern, and which everyday words and phrases mean the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from embedded.lexicon import Lexicon, Topic
from embedded.sentences import invented_word, listed, message, mistype_word, request, topic_sentence

Chat = list[dict[str, str]]
Task = Callable[[Lexicon, Random], Chat]


def _chat(question: str, answer: str, system: str = "") -> Chat:
    head = [{"role": "system", "content": system}] if system else []
    return [
        *head,
        {"role": "user", "content": question},
        {"role": "assistant", "content": answer},
    ]


def _instruct(instruction: str, content: str, answer: str, generator: Random) -> Chat:
    """The instruction as the system's turn or at the start of the user's."""
    if generator.random() < 0.5:
        return _chat(content, answer, system=f"{instruction}.")
    return _chat(f"{instruction}: {content}", answer)


def _some_words(lexicon: Lexicon, generator: Random, fewest: int, most: int) -> list[str]:
    return generator.sample(lexicon.nouns, generator.randint(fewest, most))


def repeat_words(lexicon: Lexicon, generator: Random) -> Chat:
    """Repeat known words."""
    words = " ".join(_some_words(lexicon, generator, 6, 12))
    return _chat(f"Repeat the words: {words}", words)


def copy_text(lexicon: Lexicon, generator: Random) -> Chat:
    """Repeat a longer row of words and of words that mean nothing, all of it or from a word on."""
    words = _some_words(lexicon, generator, 2, 6)
    words += [invented_word(generator) for _ in range(generator.randint(2, 6))]
    generator.shuffle(words)
    if generator.random() < 0.6:
        return _instruct("Repeat the words", " ".join(words), " ".join(words), generator)
    start = generator.randrange(len(words) - 2)
    instruction = f"Repeat the words from {words[start]} on"
    return _instruct(instruction, " ".join(words), " ".join(words[start:]), generator)


def copy_words(lexicon: Lexicon, generator: Random) -> Chat:
    """Repeat words, or one of them by its place."""
    words = _some_words(lexicon, generator, 2, 5)
    tasks = {
        "Repeat the words": " ".join(words),
        "Say the first word": words[0],
        "Say the last word": words[-1],
        "Write the words in capitals": " ".join(words).upper(),
        "Join the words with underscores": "_".join(words),
        "Separate the words with commas": listed(words),
        "Say the words in reverse order": " ".join(reversed(words)),
    }
    instruction = generator.choice(list(tasks))
    return _instruct(instruction, " ".join(words), tasks[instruction], generator)


def sort_items(lexicon: Lexicon, generator: Random) -> Chat:
    """Sort numbers by size or words by the alphabet."""
    if generator.random() < 0.5:
        numbers = generator.sample(range(10, 100), generator.randint(2, 4))
        given, answer = (" ".join(map(str, some)) for some in (numbers, sorted(numbers)))
        return _instruct("Sort the numbers", given, answer, generator)
    words = _some_words(lexicon, generator, 2, 4)
    return _instruct("Sort the words", " ".join(words), " ".join(sorted(words)), generator)


def extract_detail(lexicon: Lexicon, generator: Random) -> Chat:
    """Find the name, place, day or thing in a sentence."""
    details = {
        "name": generator.choice(lexicon.names),
        "place": generator.choice(lexicon.places),
        "day": generator.choice(lexicon.days),
        "thing": generator.choice(lexicon.nouns),
        "number": str(generator.randint(2, 999)),
    }
    sentence = generator.choice(
        (
            "{name} took {number} pictures of the {thing} in {place} on {day}.",
            "On {day} {name} paid {number} for a {thing} in {place}.",
            "The {thing} from {place} reached {name} on {day} after {number} hours.",
            "In {place}, {number} people saw {name} with the {thing} last {day}.",
        )
    ).format(**details)
    wanted = generator.choice(list(details))
    return _instruct(f"Find the {wanted}", sentence, details[wanted], generator)


def answer_question(lexicon: Lexicon, generator: Random) -> Chat:
    """Answer a question about who has what."""
    people = generator.sample(lexicon.names, 3)
    things = generator.sample(lexicon.nouns, 3)
    facts = " ".join(f"{who} has the {what}." for who, what in zip(people, things, strict=True))
    i = generator.randrange(3)
    if generator.random() < 0.5:
        return _chat(f"{facts} Who has the {things[i]}?", people[i])
    return _chat(f"{facts} What does {people[i]} have?", things[i])


def write_sentence(lexicon: Lexicon, generator: Random) -> Chat:
    """Write some sentences about a topic."""
    topic = generator.choice(lexicon.topics)
    sentences = [topic_sentence(lexicon, topic, generator) for _ in range(generator.randint(1, 3))]
    return _chat(f"Write about {topic.name}.", " ".join(sentences))


def _about(lexicon: Lexicon, topic: Topic, generator: Random) -> str:
    """A word, a few words or a sentence of a topic."""
    match generator.randrange(3):
        case 0:
            return generator.choice((*topic.nouns, *topic.verbs))
        case 1:
            return listed(generator.sample(topic.nouns, 3))
        case _:
            return topic_sentence(lexicon, topic, generator)


def _choice_instruction(options: Sequence[str], generator: Random) -> str:
    return generator.choice(
        (
            f"Answer with exactly one of: {listed(options)}",
            f"Choose the topic from: {listed(options)}",
            f"Which of these fits best: {listed(options)}",
            f"Put it under one of: {listed(options)}",
        )
    )


def choose_topic(lexicon: Lexicon, generator: Random) -> Chat:
    """Choose the topic of a text from a list in the prompt."""
    topics = generator.sample(lexicon.topics, generator.randint(2, 9))
    right = generator.choice(topics)
    instruction = _choice_instruction([topic.name for topic in topics], generator)
    return _instruct(instruction, _about(lexicon, right, generator), right.name, generator)


def choose_anything(lexicon: Lexicon, generator: Random) -> Chat:
    """Choose from a list of any words, known or not, the option that the text holds."""
    words = [
        *generator.sample(lexicon.nouns, generator.randint(2, 6)),
        *(invented_word(generator) for _ in range(generator.randint(1, 4))),
    ]
    options = [
        f"{word} {generator.choice(lexicon.common)}" if generator.random() < 0.3 else word
        for word in words
    ]
    generator.shuffle(options)
    right = generator.choice(options)
    text = topic_sentence(lexicon, generator.choice(lexicon.topics), generator)
    said = generator.choice((f"{right}. {text}", f"{text} {right}.", right))
    return _instruct(_choice_instruction(options, generator), said, right, generator)


def name_topic(lexicon: Lexicon, generator: Random) -> Chat:
    """Name the topic of a text with no list given."""
    topic = generator.choice(lexicon.topics)
    return _instruct("Name the topic", _about(lexicon, topic, generator), topic.name, generator)


def related_words(lexicon: Lexicon, generator: Random) -> Chat:
    """Give a word of the same meaning, or the opposite."""
    if generator.random() < 0.6:
        word, answer = generator.sample(generator.choice(lexicon.synonyms), 2)
        return _instruct("Say it in another word", word, answer, generator)
    word, answer = generator.sample(generator.choice(lexicon.opposites), 2)
    return _instruct("Say the opposite", word, answer, generator)


def correct_spelling(lexicon: Lexicon, generator: Random) -> Chat:
    """Put mistyped words right."""
    words = [*_some_words(lexicon, generator, 1, 3), generator.choice(lexicon.common)]
    generator.shuffle(words)
    typed = [mistype_word(word, generator) if len(word) > 3 else word for word in words]
    return _instruct("Correct the spelling", " ".join(typed), " ".join(words), generator)


def find_core(lexicon: Lexicon, generator: Random) -> Chat:
    """Say in a few words what a polite, hasty or mistyped message wants."""
    if generator.random() < 0.5:
        wish = generator.choice(generator.choice(lexicon.wishes))
        said = message(lexicon, request(lexicon, wish, generator), generator)
        return _instruct("What does the person want", said, wish, generator)
    trouble = generator.choice(generator.choice(lexicon.troubles))
    said = message(lexicon, trouble, generator)
    return _instruct("What is the trouble", said, trouble, generator)


def find_trouble_beside_praise(lexicon: Lexicon, generator: Random) -> Chat:
    """Say what is wrong in a message that also says what is right."""
    trouble = generator.choice(generator.choice(lexicon.troubles))
    topic = generator.choice(lexicon.topics)
    praise = f"the {generator.choice(topic.nouns)} is {generator.choice(('fine', 'good', 'nice'))}"
    said = generator.choice((f"{praise}, but {trouble}", f"{trouble}. {praise}"))
    return _instruct("What is the trouble", message(lexicon, said, generator), trouble, generator)


def say_otherwise(lexicon: Lexicon, generator: Random) -> Chat:
    """Say a phrase in other words."""
    phrase, answer = generator.sample(generator.choice((*lexicon.wishes, *lexicon.troubles)), 2)
    return _instruct("Say it in other words", phrase, answer, generator)


def choose_same_meaning(lexicon: Lexicon, generator: Random) -> Chat:
    """Choose from a list the phrase that means what a message says."""
    groups = generator.sample((*lexicon.wishes, *lexicon.troubles), generator.randint(2, 4))
    asked, right = generator.sample(groups[0], 2)
    options = [right, *(generator.choice(group) for group in groups[1:])]
    generator.shuffle(options)
    said = request(lexicon, asked, generator) if groups[0] in lexicon.wishes else asked
    instruction = _choice_instruction(options, generator)
    return _instruct(instruction, message(lexicon, said, generator), right, generator)


def follow_pattern(lexicon: Lexicon, generator: Random) -> Chat:
    """Follow a pattern that some solved turns of the chat show."""
    shots = generator.randint(3, 6)
    pairs = generator.choice((_topic_pairs, _word_pairs, _form_pairs))(lexicon, generator, shots)
    return [turn for question, answer in pairs for turn in _chat(question, answer)]


def _topic_pairs(lexicon: Lexicon, generator: Random, count: int) -> list[tuple[str, str]]:
    """Texts with their topics' names, or with names made up for this chat."""
    topics = generator.sample(lexicon.topics, 2)
    names = [topic.name for topic in topics]
    if generator.random() < 0.5:
        names = [invented_word(generator) for _ in topics]
    drawn = [generator.randrange(len(topics)) for _ in range(count)]
    return [(_about(lexicon, topics[i], generator), names[i]) for i in drawn]


def _word_pairs(lexicon: Lexicon, generator: Random, count: int) -> list[tuple[str, str]]:
    groups = generator.choice((lexicon.synonyms, lexicon.opposites))
    return [(pair[0], pair[1]) for pair in generator.sample(groups, count)]


def _form_pairs(lexicon: Lexicon, generator: Random, count: int) -> list[tuple[str, str]]:
    forms: tuple[Callable[[str], str], ...] = (
        str.upper,
        str.capitalize,
        lambda word: word[0],
        lambda word: f"a {word}",
        lambda word: word,
    )
    form = generator.choice(forms)
    return [(word, form(word)) for word in generator.sample(lexicon.nouns, count)]


TASKS: dict[Task, int] = {
    repeat_words: 4,
    copy_text: 10,
    copy_words: 8,
    sort_items: 2,
    extract_detail: 8,
    answer_question: 6,
    write_sentence: 6,
    choose_topic: 18,
    choose_anything: 14,
    name_topic: 8,
    related_words: 6,
    correct_spelling: 8,
    find_core: 8,
    find_trouble_beside_praise: 6,
    say_otherwise: 4,
    choose_same_meaning: 10,
    follow_pattern: 10,
}
"""Every kind of instruction, with its share of the corpus in parts."""
