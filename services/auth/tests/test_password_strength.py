"""Passwords that are refused because they are easy to guess."""

import itertools
import time
from pathlib import Path

import cathouse_auth
import pytest
from cathouse_auth.services.password_strength import weakness
from hypothesis import given
from hypothesis import strategies as st

GRACE = {"email": "moth.catcher@navy.example", "display_name": "Grace Hopper"}


@pytest.mark.parametrize(
    "password",
    [
        # common passwords: alone, doubled, and with usual additions
        "passwordpassword", "passwordpasswordpassword", "Password1234!", "P@ssw0rdP@ssw0rd", "p@$$w0rd1234",
        "letmeinletmein", "monkeymonkey", "trustno1trustno1", "welcome12345", "iloveyou1234", "football2023!",
        "summer2024!!", "admin1234567", "drowssap1234", "hunter2hunter2", "1q2w3e4r5t6y",
        # common words and names
        "administrator", "rotartsinimda", "Administrator1", "information1", "December2024!", "facebook1234",
        "friends4ever", "jennifer&michael",
        # digits, sequences, repetitions
        "123456789012", "987654321098", "111122223333", "135791357913", "abcdefghijkl", "ABCDEFGHIJKLM", "aaaaaaaaaaaa",
        "üüüüüüüüüüüü", "ａａａａａａａａａａａａ", "abcabcabcabc", "x7Kpx7Kpx7Kp", "            a", "zzzzzzzzzzzz1!",
        # neighbouring keys
        "qwertyuiop12", "qwertyqwerty", "qwerty123456!", "1qaz2wsx3edc", "zaq12wsxcde3", "asdfghjkl;'#", "!@#$%^&*()_+",
        "azertyuiopqs", "qwertzuiopas", "йцукенгшщзхъ",
    ],
)  # fmt: skip
def test_common_passwords_are_too_easy_to_guess(password: str) -> None:
    assert "too easy to guess" in (weakness(password, **GRACE) or "")


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("moth.catcher@navy.example and more", "your email"),
        ("my MOTH.CATCHER is not yours", "your email"),
        ("a hopper named grace hopper", "your display name"),
        ("GraceHopper likes moths 7", "your display name"),
        ("gr@cehopper".replace("@", "a\u0301") + " likes moths", "your display name"),
        ("the cat house on the hill", "the name of this service"),
        ("I ♥ Cat-House so much", "the name of this service"),
        ("hoppergrace12", "too easy to guess"),
        ("navynavygrace", "too easy to guess"),
    ],
)
def test_a_password_with_personal_names_is_refused(password: str, why: str) -> None:
    assert why in (weakness(password, **GRACE) or "")


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery", "battery staple", "a much better secret", "three blind mice 17", "kX9#mQ2$vL7p",
        "Jupiter-Walnut-94", "contraseña larga y fácil", "я помню чудное мгновенье", "正しい馬の電池のホチキスです",
        "secrets of a short name", "moths on a walnut 20", "moths on a walnut 199",
    ],
)  # fmt: skip
def test_uncommon_passwords_are_accepted(password: str) -> None:
    assert weakness(password, email="li@example.com", display_name="Li") is None


def test_every_common_password_that_is_long_enough_is_refused() -> None:
    folder = Path(cathouse_auth.__file__).parent / "services" / "data"
    common = (folder / "common_passwords.txt").read_text().splitlines()
    long_enough = [word for word in common if len(word) >= 12 and not word.startswith("#")]
    assert len(long_enough) > 200
    assert [word for word in long_enough if weakness(word, **GRACE) is None] == []


@given(st.text(min_size=1, max_size=4), st.integers(12, 128))
def test_no_repetition_of_up_to_four_characters_is_accepted(piece: str, length: int) -> None:
    assert weakness((piece * length)[:length], **GRACE) is not None


@pytest.mark.parametrize(
    "password",
    ["a" * 128, "ab" * 64, "4@({[<369!1|0$57+%2" * 6, "qwertyuiop" * 12, "ﷺ" * 128, "a4" * 64, "\u0344" * 128,
     "".join(itertools.islice(itertools.cycle("abcde"), 128))],
)  # fmt: skip
def test_the_cost_is_bounded(password: str) -> None:
    weakness(password, **GRACE)  # reads the list of common passwords
    started = time.process_time()
    weakness(password, **GRACE)
    # It takes some milliseconds, where zxcvbn needed seconds. The limit is high enough for a busy machine.
    assert time.process_time() - started < 1
