import unicodedata
from typing import Annotated

import pytest
from cathouse_kit import display_text
from cathouse_kit.display_text import MAX_MARKS, displayable
from cathouse_kit.schemas import Line, Paragraphs, RequestBody
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

FORMATS = [
    chr(code)
    for code in range(0x110000)
    if unicodedata.category(chr(code)) == "Cf"
    and not unicodedata.name(chr(code), "").startswith("TAG")
]
SHOWN = {
    "ARABIC NUMBER SIGN",
    "SYRIAC ABBREVIATION MARK",
    "KAITHI NUMBER SIGN",
    "ARABIC END OF AYAH",
}
FILLERS = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u2800\u3164\ufe00\ufe0f\uffa0\ufffc\U000e0100\U0001d159"
)


class Note(RequestBody):
    line: Line = Field("a line", max_length=80)
    same: Annotated[Line, Field(max_length=80)] = "a line"
    text: Paragraphs = ""


def refused(text: str) -> bool:
    try:
        displayable(text)
    except ValueError:
        return True
    return False


@pytest.mark.parametrize("around", ["{}", "a{}b", "{}a", "a{}", "я{}я", "🐈{}🐈", "猫{}"])
def test_invisible_characters_and_characters_that_reverse_text_are_refused(around: str) -> None:
    for character in FORMATS:
        if any(unicodedata.name(character, "").startswith(name[:12]) for name in SHOWN):
            continue
        if character in "\u200d" and around == "🐈{}🐈":
            continue
        assert refused(around.format(character)) or _is_shown(character), hex(ord(character))
    for character in "\u2028\u2029\ue000\U000f0000\U0010fffd\ufdd0\uffff\u0378\U000e0001\U000e0041":
        assert refused(around.format(character)), hex(ord(character))


def _is_shown(character: str) -> bool:
    """Some format characters, such as number signs, are visible. All others are refused."""
    return ord(character) in {
        *range(0x600, 0x606),
        0x6DD,
        0x70F,
        0x890,
        0x891,
        0x8E2,
        0x110BD,
        0x110CD,
    }


@pytest.mark.parametrize("filler", FILLERS)
def test_a_filler_is_refused_alone_and_between_letters(filler: str) -> None:
    for text in (filler, f"a{filler}b", f"я{filler}", f"\u3000{filler}", filler * 3):
        assert refused(text), text


@pytest.mark.parametrize(
    "text", ["\u200b", "\u2060\u2060", "\u00a0\u3000\u2003", "\ufe0f", "\u0301", "\u2800"]
)
def test_a_name_has_visible_characters(text: str) -> None:
    with pytest.raises(ValidationError):
        Note(line=text)


@pytest.mark.parametrize(
    "text",
    [
        "Träumer",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian, with a ZWNJ
        "\u0dc1\u0dca\u200d\u0dbb\u0dd3",  # Sinhala, with a ZWJ
        "\u0995\u09cd\u200d\u09b7 \u09b0\u200d\u09cd\u09af",  # Bengali, with ZWJ on both sides of a virama
        "\u0915\u094d\u200d\u0937",
        "\u1019\u103c\u103d\u103e\u102d\u102f\u1037",
        "\u0f66\u0f92\u0fb2\u0f74\u0f56",
        "\u05d3\u05bc\u05d5\u05bc\u05d2\u05b0\u05de\u05b8\u05d4",
        "\u1820\u180b",
        "Nguy\u1ec5n V\u0103n \u00c1nh",
        "Nguye\u0302\u0303n",
        "\u845b\U000e0100\u57ce",
        "👩‍🚀 👩🏽‍💻 ❤️ 1️⃣ 🏳️‍🌈 🏃🏽‍♀️‍➡️ 🐈‍⬛ 🙂‍↔️ ☺︎ ©️",
        "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        "\U0001fae8 \U0001fae9",
        "שלום עולם", "مرحبا ٠١", "\u0600123", "한국어", "ｶﾞ", "a\u0301", "½ № ™ → ∀",
    ],
)  # fmt: skip
def test_scripts_and_emoji_may_have_the_characters_that_they_need(text: str) -> None:
    assert displayable(text) == unicodedata.normalize("NFC", text)
    assert Note(line=text).line == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize(
    "mark", ["\u0301", "\u0336", "\u0e47", "\u20dd", "\u0651", "\u0345", "\u094d"]
)
def test_the_marks_on_one_letter_are_limited(mark: str) -> None:
    for letter in "aя猫ก":
        assert refused(f"{letter}{mark * (MAX_MARKS + 1)}")
    for text in (mark, f"a {mark}", f"a\n{mark}", f"\u0627\u200d{mark * (MAX_MARKS + 1)}"):
        assert refused(text)


@pytest.mark.parametrize(
    "text",
    ["a\u200db", "\u0627\u200d", "\u200c\u0627", "\u0627\u200d\u200d\u0627", "🐈\u200d", "🐈\ufe0f\ufe0f", "a\ufe0f",
     "\U0001f3f4\U000e0067", "\U000e0067\U000e007f", "🐈" + "\U000e0100" * 9, "葛\U000e0100\U000e0101", "я\u200cя"],
)  # fmt: skip
def test_joiners_and_variants_are_accepted_only_in_their_places(text: str) -> None:
    assert refused(text)


def test_text_is_normalized_and_not_longer_than_its_field() -> None:
    assert Note(line="e\u0301").line == "é"
    for field in ("line", "same"):
        for text in ("x" * 81, "\ufb1d" * 80):  # two code points each in the normal form
            with pytest.raises(ValidationError):
                Note.model_validate({field: text})
    assert Note.model_json_schema()["properties"]["line"]["maxLength"] == 80
    assert Note.model_json_schema()["properties"]["same"]["maxLength"] == 80


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_accepted_text_is_printable_and_stable(text: str) -> None:
    try:
        taken = Note(line=text, text=text)
    except ValidationError:
        return
    for kept in (taken.line, taken.text):
        assert Note(text=kept).text == kept == unicodedata.normalize("NFC", kept)
        assert "\u202e" not in kept
        assert kept == "" or any(unicodedata.category(c)[0] in "LNPS" for c in kept)


@pytest.mark.parametrize("character", ["x", "\u0301", "я", "\u200b"])
def test_long_text_is_refused_before_its_characters_are_checked(
    character: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(display_text, "unicodedata", None)
    for field in ("line", "text"):
        with pytest.raises(ValidationError) as refused:
            Note.model_validate({field: character * 1_000_000})
        assert refused.value.errors()[0]["type"] == "string_too_long"
