"""An offline estimate of how easy a password is to guess.

The estimate, its threshold and its lists of common passwords, words and names come from zxcvbn (Wheeler, USENIX
Security 2016). It divides the password into pieces that attackers try, with the least product of their guesses.
zxcvbn itself is not used: its Python version needs seconds for 72 letter-like symbols, and 17 MB.
"""

import math
import unicodedata
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from cathouse_platform.platform import PLATFORM

# Guesses, as powers of ten. The range that zxcvbn calls "somewhat guessable" ends at 8.
_ENOUGH = 8.0
_CHARACTER = 1.0
_RUN = 1.5
_REPETITION = 0.5
_YEAR = 2.0
_SHORTEST_WORD, _LONGEST_WORD = 4, 24
# The cost grows with the square of the length. The first characters never need more guesses than the whole password.
_JUDGED = 64
_SHORTEST_PERSONAL = 4
# A short word of the name, such as The, is part of many good passwords.
_SERVICE = (
    PLATFORM.display_name,
    *(word for word in PLATFORM.display_name.split() if len(word) >= _SHORTEST_PERSONAL),
)

_UNSHIFTED = str.maketrans('!@#$%^&*()_+{}:"<>?|~', "1234567890-=[];',./\\`")
_SYMBOLS = "@4836!10$57+|"
_LETTER_LIKE = tuple(
    str.maketrans(_SYMBOLS, letters) for letters in ("aabegiiosstti", "aabegllossttl")
)
_KEYBOARDS = (
    ("`1234567890-=", "qwertyuiop[]\\", "asdfghjkl;'", "zxcvbnm,./"),
    ("1234567890", "qwertzuiop", "asdfghjkl", "yxcvbnm,.-"),
    ("1234567890", "azertyuiop", "qsdfghjklm", "wxcvbn,;:!"),
    ("1234567890", "йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю."),
)


def weakness(password: str, *, email: str, display_name: str) -> str | None:
    """Return the reason why a password is too easy to guess, or None if it is not.

    The reason continues a sentence that begins with the name of the field. `password` must be prepared, and have at
    most 128 characters.
    """
    bare = _bare(password)
    local_part, _, domain = email.rpartition("@")
    for name, text in (
        ("your email", email),
        ("your email", local_part),
        ("your display name", display_name),
        ("the name of this service", _SERVICE[0]),
    ):
        if len(_bare(text)) >= _SHORTEST_PERSONAL and _bare(text) in bare:
            return f"must not contain {name}"
    personal = {_fold(word) for word in (*_words(local_part), *_words(display_name), *_SERVICE)}
    personal |= {_fold(label) for label in domain.split(".")[:-1]}
    # The unfolded password too: folding turns some characters into many, which would hide their repetition.
    forms = {_fold(password)[:_JUDGED], password.casefold()[:_JUDGED]}
    if min(_guesses(form, personal) for form in forms) < _ENOUGH:
        return (
            "is too easy to guess: it is made of common passwords, words or names, repetitions, sequences, "
            "neighbouring keys or words about you. Use, for example, four words that do not belong together"
        )
    return None


def _words(text: str) -> list[str]:
    return "".join(c if c.isalnum() else " " for c in text).split()


def _bare(text: str) -> str:
    return "".join(c for c in _fold(text) if c.isalnum())


def _fold(text: str) -> str:
    """Return the text without case and accents."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in plain if not unicodedata.combining(c))


def _guesses(text: str, personal: set[str]) -> float:
    """Return the guesses for a folded password, as a power of ten."""
    spellings = [text, *(text.translate(letters) for letters in _LETTER_LIKE)]
    best = [0.0] + [math.inf] * len(text)
    for begin in range(len(text)):
        for end, cost in _pieces(text, spellings, begin, personal):
            best[end] = min(best[end], best[begin] + cost)
    return best[-1]


def _pieces(
    text: str, spellings: list[str], begin: int, personal: set[str]
) -> Iterator[tuple[int, float]]:
    """Yield the end of each piece that begins at `begin`, with its guesses as a power of ten."""
    ranks = _common()
    yield begin + 1, _CHARACTER
    for end in range(begin + 2, min(begin + _LONGEST_WORD, len(text)) + 1):
        words = {spelling[begin:end] for spelling in spellings}
        if not words.isdisjoint(personal):
            yield end, 0.0
        if end - begin >= _SHORTEST_WORD:
            words |= {word[::-1] for word in words}
            found = [ranks[word] for word in words if word in ranks]
            if found:
                yield end, math.log10(min(found))
    year = text[begin : begin + 4]
    if len(year) == 4 and year.startswith(("19", "20")) and year.isdecimal():
        yield begin + 4, _YEAR
    for end in range(begin + 3, _end_of_run(text, begin) + 1):
        yield end, _RUN
    end = begin + 3
    while end <= len(text) and text.find(text[begin:end], 0, end - 1) >= 0:
        yield end, _REPETITION
        end += 1


def _end_of_run(text: str, begin: int) -> int:
    """Return the end of the longest run from `begin`: an alphabetical sequence, neighbouring keys, or one character."""
    return max(
        _end_of_steps(text, begin, max_step=1, least=3),
        _end_of_steps(text, begin, max_step=5, least=4),
        *(_end_of_walk(text, begin, keyboard) for keyboard in _key_places()),
    )


def _end_of_steps(text: str, begin: int, *, max_step: int, least: int) -> int:
    end = begin + 1
    while end < len(text) and ord(text[end]) - ord(text[end - 1]) == ord(
        text[min(begin + 1, end)]
    ) - ord(text[begin]):
        end += 1
    step = abs(ord(text[begin + 1]) - ord(text[begin])) if end > begin + 1 else 0
    return end if end - begin >= least and step <= max_step else begin


def _end_of_walk(text: str, begin: int, keyboard: dict[str, tuple[int, int]]) -> int:
    keys = text.translate(_UNSHIFTED)
    end = begin + 1
    while end < len(keys) and _side_by_side(keyboard, keys[end - 1], keys[end]):
        end += 1
    # Many ordinary words contain three neighbouring keys, such as "were".
    return end if end - begin >= 4 else begin


def _side_by_side(keyboard: dict[str, tuple[int, int]], one: str, other: str) -> bool:
    if one not in keyboard or other not in keyboard:
        return False
    (row, place), (other_row, other_place) = keyboard[one], keyboard[other]
    return abs(row - other_row) <= 1 and abs(place - other_place) <= 1


@cache
def _key_places() -> tuple[dict[str, tuple[int, int]], ...]:
    return tuple(
        {_fold(key): (n, place) for n, row in enumerate(rows) for place, key in enumerate(row)}
        for rows in _KEYBOARDS
    )


@cache
def _common() -> dict[str, int]:
    """Return common passwords, words and names with the rank of each in its list."""
    ranks: dict[str, int] = {}
    for name in ("common_passwords.txt", "common_words.txt"):
        source = files("cathouse_auth.services") / "data" / name
        lines = source.read_text(encoding="utf-8").splitlines()
        for rank, word in enumerate((w for w in lines if not w.startswith("#")), start=1):
            ranks.setdefault(word, rank)
    return ranks
