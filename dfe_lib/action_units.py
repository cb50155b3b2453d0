"""The action units of the Facial Action Coding System (FACS), and which of them each detector gives."""

from collections.abc import Iterable

__all__ = [
    "ACTION_UNITS",
    "DISFA",
    "LIBREFACE_DETECTED",
    "LIBREFACE_INTENSITY",
    "OPENFACE_INTENSITY",
    "OPENFACE_OCCURRENCE",
    "PYFEAT",
    "au_names",
]

ACTION_UNITS: dict[str, str] = {
    "AU01": "inner brow raiser",
    "AU02": "outer brow raiser",
    "AU04": "brow lowerer",
    "AU05": "upper lid raiser",
    "AU06": "cheek raiser",
    "AU07": "lid tightener",
    "AU09": "nose wrinkler",
    "AU10": "upper lip raiser",
    "AU11": "nasolabial deepener",
    "AU12": "lip corner puller",
    "AU14": "dimpler",
    "AU15": "lip corner depressor",
    "AU17": "chin raiser",
    "AU20": "lip stretcher",
    "AU23": "lip tightener",
    "AU24": "lip pressor",
    "AU25": "lips part",
    "AU26": "jaw drop",
    "AU28": "lip suck",
    "AU43": "eyes closed",
    "AU45": "blink",
}
"""Every action unit that a detector read here gives (Ekman, Friesen and Hager 2002), in FACS order."""


def au_names(numbers: Iterable[int]) -> tuple[str, ...]:
    """Names as the tables write them.

    >>> au_names([1, 12])
    ('AU01', 'AU12')
    """
    return tuple(f"AU{number:02d}" for number in numbers)


OPENFACE_INTENSITY = au_names([1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45])
"""OpenFace 2 (Baltrusaitis et al. 2018): 17 intensities, 0 to 5."""
OPENFACE_OCCURRENCE = au_names([1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 28, 45])
"""OpenFace 2: 18 occurrences, 0 or 1."""
PYFEAT = au_names([1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 17, 20, 23, 24, 25, 26, 28, 43])
"""Py-Feat (Cheong et al. 2023): 20 occurrences, 0 to 1."""
LIBREFACE_INTENSITY = au_names([1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26])
"""LibreFace (Chang et al. 2024): 12 intensities, 0 to 5."""
LIBREFACE_DETECTED = au_names([1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24])
"""LibreFace: 12 occurrences, 0 or 1."""
DISFA = au_names([1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26])
"""DISFA (Mavadati et al. 2013): 12 coded intensities, 0 to 5."""
