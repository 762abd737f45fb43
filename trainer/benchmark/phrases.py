"""Nothing in, the fixed list of phrases that the accuracy benchmark trains out.

The list is short, since each phrase is trained several times over, and wide: one to four words, two
to four syllables, words that nobody says by chance and words that everybody says all day.
"""

from __future__ import annotations

PHRASES = (
    # Recordings of more than fifty people each; the second has two syllables and no rare sound.
    "smart mirror",
    "view glass",
    # Other projects ship models of these three: the same code scores them. "Alexa" is one word
    # whose unstressed vowels synthesisers and people disagree about; "nabu" is in no dictionary.
    "alexa",
    "hey jarvis",
    "okay nabu",
    # One word, said in ordinary talk and inside of other words: near-misses are everywhere.
    "computer",
    # Three words, consonants in a row that people swallow.
    "stop the press",
    # Four everyday words, each in a thousand other orders to a house: long, yet hard to tell apart.
    "turn on the lights",
)
HELD_OUT = ("flite", "nanotts")
"""Engines that never speak in training and alone speak in the exam: Carnegie Mellon's voices built
from recorded people, and Pico, which no other engine shares code or voices with."""


def folder_name(phrase: str) -> str:
    """Return what a phrase's folder is called: "smart_mirror"."""
    return "_".join(phrase.split())
