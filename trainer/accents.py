"""A reading in, the same words as somebody from elsewhere says them out.

The voices speak British and American English; the people who say a phrase do not. Each accent is a
list of habits, and every speaker has some of them: a habit is kept through a whole text or not at
all. The habits are those that descriptions of the accents of English name (J. C. Wells, "Accents of
English", 1982; the Speech Accent Archive of George Mason University for second-language speakers).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from trainer import pronunciation

if TYPE_CHECKING:
    import numpy as np

    from trainer.phrases import PhraseText

ACCENT_SHARE = 0.5
"""Of the clips whose engine speaks phonemes."""

_V = "[iɪɛæɑɒɔʊuʌɜəAIOYWQaeo]"
_STRESS = "[ˈˌ]?"
_END = r"(?=[\s,.!?;:…]|$)"


@dataclass(frozen=True)
class Habit:
    """What some speakers of an accent do."""

    pattern: str
    """Regular expression over Kokoro's phoneme symbols."""
    becomes: str
    share: float
    """Of the speakers."""


@dataclass(frozen=True)
class Accent:
    """How English sounds in one part of the world."""

    name: str
    british: bool
    """Which dictionary its speakers learnt: the r after a vowel is silent in the British one."""
    habits: tuple[Habit, ...]


def _habits(text: str) -> tuple[Habit, ...]:
    """Read lines of `pattern > replacement  share`; {V}, {'} and {END} stand for classes."""
    found = []
    for line in filter(str.strip, text.splitlines()):
        rule, _, share = line.strip().rpartition(" ")
        pattern, _, becomes = rule.partition(" > ")
        for name, symbols in (("{V}", _V), ("{'}", _STRESS), ("{END}", _END)):
            pattern = pattern.replace(name, symbols)
        found.append(Habit(pattern, becomes.strip().replace("-", ""), float(share)))
    return tuple(found)


# Full vowels where natives have a murmur: how words are said by those who learnt them from paper.
_FULL_VOWELS = """
    əɹ{END} > ɔɹ 0.15
    əɹ{END} > ɛɹ 0.25
    ə{END} > ɑ 0.4
    ᵻ > ɪ 1
"""
_NO_TH = """
    θ > t 0.5
    ð > d 0.6
"""
_INDIAN = """
    t > ʈ 0.6
    d > ɖ 0.6
    θ > t 0.7
    ð > d 0.7
    [vw] > ʋ 0.5
    A > eː 0.7
    [OQ] > oː 0.7
    ʌ > a 0.4
"""

ACCENTS = (
    Accent("american, casual", False, _habits(r"""
        t(?=\s?{'}[mnlbpɡkdfvszwj]) > ʔ 0.5
        t{END} > ʔ 0.25
        (?<={V})t(?={'}{V}) > ɾ 0.5
        əɹ{END} > ɚ 0.3
        (?<=[ɪɛ])ɹəɹ > ɹ 0.4
        ɪŋ{END} > ɪn 0.3
        ɔ(?!ɹ) > ɑ 0.4
        æ(?=[nm]) > eə 0.3
        ʌ > ə 0.3
        nt(?={V}) > n 0.3
    """)),
    Accent("british, regional", True, _habits(r"""
        t{END} > ʔ 0.35
        (?<={V})t(?={'}{V}) > ʔ 0.2
        ə{END} > ɐ 0.4
        æ > a 0.5
        ɑː(?=[sfθn]) > a 0.4
        ʌ > ʊ 0.3
        A > e 0.25
        [OQ] > o 0.25
        (?<![a-zɑɔəɛɪʊ])h > - 0.25
        θ > f 0.25
        ð(?!ə) > v 0.2
        (?<=.)l{END} > w 0.25
        A > I 0.2
        ɪ{END} > i 0.5
    """)),
    # Front vowels move in a chain, so that the order matters: "fish" as "fush", "alexa" as "alixa".
    Accent("southern hemisphere", True, _habits(r"""
        ɪ(?!ə) > ə 0.35
        ɛ(?!ː) > ɪ 0.4
        [aæ] > ɛ 0.5
        ɛː > ɪə 0.3
        ɑː > aː 0.7
        ʌ > a 0.6
        ə{END} > a 0.6
        ɜː > œː 0.3
        u > y 0.3
        I > Y 0.3
        A > I 0.35
        Q > W 0.3
        (?<={V})t(?={'}{V}) > ɾ 0.5
        l{END} > ʊ 0.3
        ɹ(?={V}) > ɾ 0.1
    """)),
    Accent("scottish or irish", False, _habits(r"""
        ɹ > ɾ 0.4
        ɹ > r 0.25
        A > e 0.8
        O > o 0.8
        ʊ > u 0.5
        æ > a 0.8
        ɑ(?!ɹ) > ɔ 0.5
        θ > t 0.25
        ð > d 0.25
        ɜɹ > ɛɹ 0.4
    """)),
    Accent("indian", False, _habits(r"""
        (?<={V})ɹ(?={'}{V}) > ɾ 0.7
        ɹ(?={'}{V}) > ɾ 0.35
        əɹ{END} > ɑ 0.3
        əɹ{END} > əɾ 0.3
        ɜɹ > ɑɹ 0.25
        æ > ɛ 0.4
        ɔ > ɑ 0.4
        ɪ > i 0.2
        z{END} > s 0.3
        ʒ > ʤ 0.5
    """ + _INDIAN + _FULL_VOWELS)),
    Accent("indian, without r", True, _habits(r"""
        ɹ > ɾ 0.6
        ə{END} > a 0.6
        ɒ > ɔ 0.5
        ɑː > aː 0.6
    """ + _INDIAN)),
    Accent("african or caribbean", True, _habits(r"""
        ə{END} > a 0.7
        ɜː > ɛ 0.6
        ʌ > ɔ 0.4
        ʌ > a 0.3
        ɪ > i 0.6
        ʊ > u 0.6
        æ > a 0.8
        ɑː > a 0.6
        A > e 0.8
        [OQ] > o 0.8
        z{END} > s 0.4
        ɹ(?={V}) > ɾ 0.3
    """ + _NO_TH)),
    Accent("spanish or italian", False, _habits(r"""
        (?:^|(?<=\s))({'})s(?=[ptkmnl]) > \1ɛs 0.35
        ɹ > ɾ 0.7
        əɾ{END} > ɛɾ 0.5
        ɪ > i 0.7
        ʊ > u 0.7
        æ > a 0.8
        ʌ > a 0.7
        ɜ > ɛ 0.5
        ə(?=.) > a 0.2
        ə(?=.) > ɛ 0.2
        z > s 0.7
        v > b 0.35
        (?<!\w)h > x 0.4
        ɑ > a 0.5
        ɔ > o 0.5
        O > o 0.5
        m{END} > n 0.15
        t{END} > - 0.15
    """ + _NO_TH + _FULL_VOWELS)),
    Accent("french", False, _habits(r"""
        ɹ > ʁ 0.5
        (?<!\w)({'})h > \1 0.5
        ɪ > i 0.8
        ʊ > u 0.8
        θ > s 0.7
        ð > z 0.7
        ʌ > œ 0.5
        ɜ > œ 0.5
        ʤ > ʒ 0.3
        ʧ > ʃ 0.3
        æ > a 0.7
        O > o 0.6
        ɑ > a 0.5
    """ + _FULL_VOWELS)),
    Accent("german or slavic", False, _habits(r"""
        w > v 0.6
        θ > s 0.6
        ð > d 0.4
        ð > z 0.6
        æ > ɛ 0.7
        b{END} > p 0.6
        d{END} > t 0.6
        ɡ{END} > k 0.6
        z{END} > s 0.6
        v{END} > f 0.6
        ɹ > r 0.25
        ɹ > ʁ 0.25
        əɹ{END} > ɐ 0.4
        ɪ > i 0.3
        ʌ > a 0.6
        A > eː 0.4
        O > oː 0.4
        ŋ{END} > ŋɡ 0.2
    """ + _FULL_VOWELS)),
    Accent("east asian", False, _habits(r"""
        θ > s 0.7
        ð > d 0.4
        ð > z 0.6
        ɪ > i 0.5
        ʊ > u 0.5
        æ > ɛ 0.6
        əɹ{END} > ə 0.4
        ɑɹ > ɑ 0.4
        ɔɹ > ɔ 0.4
        ([ptkdɡb]){END} > \1ə 0.15
        (?<={V})[td]{END} > - 0.2
        s(?=[mn]) > sə 0.15
        v > w 0.25
        z > s 0.4
        ʌ > a 0.5
        l{END} > O 0.2
        A > ɛ 0.2
    """)),
)  # fmt: skip


def accented(text: PhraseText, rng: np.random.Generator) -> tuple[str, str]:
    """Return how one speaker from somewhere says a text, and the accent's name.

    Args:
        text: read anew where the accent has the British dictionary, unless its words are made up.
        rng: decides where the speaker is from and which habits they have.
    """
    accent = ACCENTS[int(rng.integers(len(ACCENTS)))]
    said = text.phonemes
    if accent.british and not text.spoken_as_phonemes:
        said = pronunciation.phonemes(text.text, british=True)
    for habit in accent.habits:
        if rng.random() < habit.share:
            said = _pattern(habit.pattern).sub(habit.becomes, said)
    return said, accent.name


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
