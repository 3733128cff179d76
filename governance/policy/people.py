"""Names and reasons as people see them: what can be seen of a text, and who is the same person.

Two rules that point different ways. Who may *not* do a thing (whoever made a version) is found by
``same_person``, which overlooks everything that a reader would: case, width, composition, blanks,
characters without a picture. Who *may* (``approvers``, ``force.allowed``) is found by the exact
name and not here: an account that merely looks like a permitted one has no right.

Not promised: that letters of different alphabets which look alike (Latin and Cyrillic a) are one.
"""

from __future__ import annotations

import re
import unicodedata

# Default_Ignorable_Code_Point of Unicode 15.1 (DerivedCoreProperties.txt), and the braille blank,
# which has a width and no dots. Format characters (Cf) that are not among them are taken as well.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_NO_PICTURE = frozenset({"Cc", "Cf", "Cs"})


def visible(text: str) -> str:
    """What a reader sees of ``text``: nothing invisible, and each run of blanks as one space.

    >>> visible(" down\\u200b  for \\u3164 an hour\\n")
    'down for an hour'
    >>> visible("\\u3164\\ufe0f \\u2800")
    ''
    """
    seen = _UNSEEN.sub("", text)
    if not seen.isprintable():  # blanks of every kind become spaces below; the rest has no picture
        seen = "".join(
            char for char in seen if char.isspace() or unicodedata.category(char) not in _NO_PICTURE
        )
    return " ".join(seen.split())


def same_person(one: str, other: str) -> bool:
    """Would a reader take the two names for one account?

    >>> same_person("Ann", "\\uff21nn "), same_person("Zoe\\u0308", "zo\\u200b\\u00eb")
    (True, True)
    >>> same_person("ann", "anna")
    False
    """
    return _spelling(one) == _spelling(other)


def _spelling(name: str) -> str:
    """Compatibility caseless matching (Unicode Standard, D146) of what can be seen, unspaced.

    Repeated until nothing changes: leaving a character out may let its neighbours be reordered.
    """
    while True:
        text = unicodedata.normalize("NFD", visible(name)).casefold()
        text = unicodedata.normalize("NFKD", text).casefold()
        text = visible(unicodedata.normalize("NFKD", text)).replace(" ", "")
        if text == name:
            return text
        name = text
