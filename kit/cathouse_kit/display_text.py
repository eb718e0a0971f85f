"""Text that other people see. Each character must be visible, and must not change the display of other text."""

import re
import unicodedata

MAX_MARKS = 6
"""The most marks on one letter. Vietnamese and Hebrew need three, Burmese sometimes needs six."""

# Invisible characters in a category of visible ones: Unicode's Default_Ignorable_Code_Point except format characters,
# the empty Braille pattern, and the object replacement character.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufffc\U00016fe4\U0001d159") | {
    chr(code)
    for block in (range(0x180B, 0x1810), range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))
    for code in block
}
# Visible format characters: Unicode's Prepended_Concatenation_Mark.
_SHOWN_FORMATS = frozenset(
    map(chr, (*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD))
)
# Arabic, and the scripts of India and South-East Asia. Joiners select the form of a letter there, and Persian and
# Sinhala need them.
_JOINING = "\u0600-\u109f\u1780-\u1cff\ua800-\uabff\U00010a00-\U00011fff"
_PICTURE = "\u2139\u2190-\u2bff\U0001f000-\U0001faff"
# Places where invisible characters are needed.
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
    """Return the text in Unicode's normal form C.

    Raises `ValueError` for characters that are invisible or reverse text: controls except newline and tab, format
    characters, private and unassigned code points, fillers. Emoji and scripts may have the ones that they need. Also
    raises it for a mark without a letter, and for more than `MAX_MARKS` marks on one letter.
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
        # An older Python does not know new emoji.
        or (category == "Cn" and not "\U0001f000" <= character <= "\U0001faff")
    ):
        name = unicodedata.name(character, "which has no name")
        raise ValueError(
            f"must not contain U+{ord(character):04X} ({name}): it is invisible, or it reverses text"
        )


def _check_marks(text: str) -> None:
    """Check marks before the text is normalized, in time that grows with the square of the marks on one letter."""
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
