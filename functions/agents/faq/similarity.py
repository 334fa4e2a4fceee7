"""How alike two questions are: by the words they share, rare ones counting more, forgiving typing errors."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher

ALIKE = 0.8
"""From here on (0 to 1), two words are one word spelt differently: `password` and `pasword`, `refund` and `refunds`."""

SHORT = 4
"""Shorter words are only themselves."""

LONGER = 3
"""Words that differ more than this in length aren't compared."""

LONGEST = 1000
"""Words of a question that are looked at."""

_EMPTY = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be by can could do does for from have how i if in is it me my of on or please shall should "
        "so that the there this to was we what when where which who why will with would you your",
    )
)


def words(text: str) -> list[str]:
    """Return the words of a text, in lower case and without accents."""
    plain = "".join(
        character
        for character in unicodedata.normalize("NFKD", text.casefold())
        if not unicodedata.combining(character)
    )
    return re.findall(r"\w+", plain)[:LONGEST]


class Index:
    """Questions, to be found by questions that are like them."""

    def __init__(self, questions: Sequence[str]) -> None:
        """Weigh the words by how few of the questions hold them."""
        self.questions = [Counter(words(question)) for question in questions]
        held = Counter(word for question in self.questions for word in question)
        self.weights = {word: self._weight(word, held[word]) for word in held}

    def _weight(self, word: str, held: int) -> float:
        rare = math.log((1 + len(self.questions)) / (1 + held)) + 1
        return rare * (0.1 if word in _EMPTY else 1)

    def best(self, text: str) -> tuple[int, float]:
        """Return the place of the question that is most like `text`, and how alike they are, from 0 to 1."""
        asked = Counter(self._known(word) for word in words(text))
        scores = [self._cosine(asked, question) for question in self.questions]
        place = max(range(len(scores)), key=scores.__getitem__)
        return place, scores[place]

    def _known(self, word: str) -> str:
        """Return the word of the questions that `word` is a spelling of, or `word`."""
        if word in self.weights or len(word) < SHORT:
            return word
        near = max(self.weights, key=lambda other: _ratio(word, other))
        return near if _ratio(word, near) >= ALIKE else word

    def _cosine(self, one: Counter[str], other: Counter[str]) -> float:
        shared = sum(one[word] * other[word] * self._of(word) ** 2 for word in one.keys() & other.keys())
        return shared / ((self._length(one) * self._length(other)) or 1)

    def _length(self, counts: Counter[str]) -> float:
        return math.sqrt(sum((count * self._of(word)) ** 2 for word, count in counts.items()))

    def _of(self, word: str) -> float:
        # A word that no question holds counts like one that only one of them does.
        return self.weights.get(word) or self._weight(word, 1)


def _ratio(one: str, other: str) -> float:
    if abs(len(one) - len(other)) > LONGER:
        return 0
    return SequenceMatcher(None, one, other, autojunk=False).ratio()
