"""Pinyin initials, so that 产后出血 is found by typing chcx. Used while tables are filled only: the
dictionary costs a third of a second and some megabytes, which no request should pay.
"""

from collections.abc import Mapping

from pypinyin import Style, lazy_pinyin


def initials(text: str, readings: Mapping[str, str] | None = None) -> str:
    """One small letter a character; Latin letters and digits stay, punctuation goes.

    `readings` corrects what the dictionary reads wrongly, part of the text → its letters, as many
    letters as characters; the longest part wins.
    """
    said = text
    for part in sorted(readings or {}, key=len, reverse=True):
        said = said.replace(part, (readings or {})[part])
    letters = lazy_pinyin(said, style=Style.FIRST_LETTER, errors=_keep_letters)
    return "".join(letters).lower()


def _keep_letters(text: str) -> str:
    return "".join(char for char in text if char.isascii() and char.isalnum())
