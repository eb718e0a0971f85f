"""Text that other people see: each character of it shows something, where it stands, and no more than its place."""

import re
import unicodedata

MAX_MARKS = 6
"""Marks on one letter. Vietnamese and Hebrew need three, Burmese at times six."""

# What has a category of things that show something, and shows nothing: Unicode's Default_Ignorable_Code_Point beside
# format characters, the empty Braille pattern, and the stand-in for an object that is not there.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufffc\U00016fe4\U0001d159") | {
    chr(code)
    for block in (range(0x180B, 0x1810), range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))
    for code in block
}
# Format characters that are shown: Unicode's Prepended_Concatenation_Mark.
_SHOWN_FORMATS = frozenset(
    map(chr, (*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD))
)
# Arabic, and the scripts of India and South-East Asia: there, joiners decide which form of a letter is shown. Persian
# and Sinhala cannot be written without.
_JOINING = "\u0600-\u109f\u1780-\u1cff\ua800-\uabff\U00010a00-\U00011fff"
_PICTURE = "\u2139\u2190-\u2bff\U0001f000-\U0001faff"
# Where characters that show nothing alone have their use.
_IN_PLACE = re.compile(
    f"(?<=[{_JOINING}])[\u200c\u200d](?=[{_JOINING}])"
    # Emoji: 👩‍🚀, ❤️, 1️⃣, and flags such as Scotland's.
    f"|(?<=[{_PICTURE}\ufe0f])\u200d(?=[{_PICTURE}])"
    f"|(?<=[{_PICTURE}#*0-9©®‼⁉™〰〽㊗㊙])[\ufe0e\ufe0f]"
    "|(?<=\U0001f3f4)[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f"
    # Variants of Chinese and Mongolian letters.
    "|(?<=[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])[\ufe00-\ufe02\U000e0100-\U000e01ef]"
    "|(?<=[\u1820-\u18aa])[\u180b-\u180f]"
)


def displayable(text: str) -> str:
    """The text in Unicode's normal form C.

    Raises `ValueError` for what shows nothing or turns text around (controls but newline and tab, format characters,
    private and unassigned code points, fillers) outside of where emoji and scripts need it, and for marks that stand on
    nothing or in a pile.
    """
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return text
    for character in set(_IN_PLACE.sub("", text)):
        _check(character)
    _check_marks(text)
    return unicodedata.normalize("NFC", text)


def _check(character: str) -> None:
    category = unicodedata.category(character)
    if category == "Cc" and character not in "\n\t":
        raise ValueError("must not contain control characters")
    if category == "Cs":
        raise ValueError("must not contain surrogates")
    if (
        category in ("Co", "Zl", "Zp")
        or character in _BLANK
        or (category == "Cf" and character not in _SHOWN_FORMATS)
        # New emoji are unknown to an older Python.
        or (category == "Cn" and not "\U0001f000" <= character <= "\U0001faff")
    ):
        name = unicodedata.name(character, "which has no name")
        raise ValueError(
            f"must not contain U+{ord(character):04X} ({name}): it shows nothing, or turns text around"
        )


def _check_marks(text: str) -> None:
    """Before the text is normalized, which takes time by the square of a pile's height."""
    kinds = {character: unicodedata.category(character) for character in set(text)}
    if not any(kind[0] == "M" for kind in kinds.values()):
        return
    on_letter, marks = False, 0
    for character in text:
        kind = kinds[character]
        if kind[0] == "M":
            marks += 1
            if not on_letter:
                raise ValueError("must not have a mark without a letter before it")
            if marks > MAX_MARKS:
                raise ValueError(f"must not have more than {MAX_MARKS} marks on one letter")
        elif kind != "Cf":
            on_letter, marks = not character.isspace(), 0
