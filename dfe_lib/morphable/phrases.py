"""What a movement of the face is in plain words: which part goes where, by how many millimetres."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from ..blendshapes import REGIONS
from ..errors import UserError
from .anny import shown_tongue
from .metric import mesh_energy
from .model import MM_PER_M, MorphableModel

__all__ = ["Movement", "main_regions", "movements", "sentence"]

LEFT, UP, FORWARD = np.eye(3)

CHIN = (152,)
UPPER_LIP, LOWER_LIP = (0, 13), (17, 14)
SIDED: dict[str, dict[str, tuple[int, ...]]] = {
    "lip corner": {"left": (291,), "right": (61,)},
    "inner brow": {"left": (285, 336), "right": (55, 107)},
    "outer brow": {"left": (276, 300), "right": (46, 70)},
    "upper lid": {"left": (386,), "right": (159,)},
    "lower lid": {"left": (374,), "right": (145,)},
    "cheek": {"left": (425, 280), "right": (205, 50)},
    "nostril": {"left": (294, 327), "right": (64, 98)},
    "iris": {"left": (473,), "right": (468,)},
}
"""Points of FaceLandmarker's 478 that stand for a part; `left` and `right` are the person's own."""

SEEN_MM = 0.25
"""A smaller movement goes without words (our choice)."""
SEEN_SHARE = 0.2
"""So does one below this share of the largest, each measured by its own full range (our choice)."""
WHOLE_MM = 2.95
"""From here on lengths are given in whole millimetres."""
PAIRED = 0.55
"""Two sides move together when the weaker moves by this share of the stronger (our choice)."""


PLACES = {
    "brow": "brows", "inner brow": "brows", "outer brow": "brows", "eye": "eyes", "lower lid": "eyes", "gaze": "eyes",
    "nostril": "nose", "cheek": "cheeks", "mouth": "mouth", "upper lip": "mouth", "lower lip": "mouth",
    "lip corner": "mouth", "jaw": "jaw", "tongue": "tongue",
}  # fmt: skip
"""Where each part is."""


@dataclass(frozen=True)
class Movement:
    """One part's way.

    Arguments:
        part: such as `"lip corner"`. side: `"left"`, `"right"` (the person's own), `"both"`, or `""`.
        way: such as `"up"`.
        mm: length of the way, positive.
        share: of the largest way that one coefficient alone makes this part go.
    """

    part: str
    side: str
    way: str
    mm: float
    share: float

    def __str__(self) -> str:
        """In words.

        >>> str(Movement("lip corner", "both", "up", 3.14, 0.2)), str(Movement("eye", "both", "closes", 0.8, 0.1))
        ('both lip corners up 3 mm', 'both eyes close 0.8 mm')
        """
        return f"{self.subject} {self.step}"

    @property
    def subject(self) -> str:
        return " ".join(filter(None, (self.side, self.part + "s" * (self.side == "both"))))

    @property
    def place(self) -> str:
        """The region of the face that the part is in."""
        return PLACES[self.part]

    @property
    def kind(self) -> str:
        """What it does on whichever side, without a length: such as `lip corners up`."""
        part = self.part + "s" * bool(self.side)
        return f"{part} {replace(self, side='both').verb if self.side else self.way}"

    @property
    def verb(self) -> str:
        return {"opens": "open", "closes": "close"}.get(self.way, self.way) if self.side == "both" else self.way

    @property
    def step(self) -> str:
        length = f"{self.mm:.0f} mm" if self.mm >= WHOLE_MM else f"{self.mm:.1f} mm"
        return f"{self.verb} {length}"


def movements(head: MorphableModel, psi: Float[np.ndarray, "k e"]) -> list[list[Movement]]:
    """The main movements of each expression change, largest first; none where nothing visible moves.

    Lips, cheeks and corners are taken relative to what the jaw carries along.

    Arguments:
        head: a head with landmarks.
        psi: changes of psi (K, E).

    Raises:
        UserError: The head has no landmarks.
    """
    names, ways = _ways(head)
    lengths, ranges = shown_tongue(head, psi) @ ways, np.abs(ways).max(0)
    return [_told(names, row, np.abs(row) / np.maximum(ranges, 1e-9)) for row in lengths]


def sentence(found: Sequence[Movement], most: int = 2, lengths: bool = True) -> str:
    """The first few parts and all they do, as one line with a capital letter; in words alone without the lengths.

    >>> up, out = (Movement("lip corner", "left", way, mm, 0.2) for way, mm in (("up", 6.0), ("outwards", 4.0)))
    >>> sentence([up, out]), sentence([up, out], lengths=False), sentence([])
    ('Left lip corner up 6 mm and outwards 4 mm', 'Left lip corner up and outwards', 'Hardly anything moves')
    """
    subjects = list(dict.fromkeys(each.subject for each in found))[:most]
    steps = {each: each.step if lengths else each.verb for each in found}
    parts = [f"{subject} {' and '.join(steps[e] for e in found if e.subject == subject)}" for subject in subjects]
    words = ", ".join(parts) or "hardly anything moves"
    return words[0].upper() + words[1:]


def main_regions(head: MorphableModel, psi: Float[np.ndarray, "k e"], least: float = 0.2) -> list[list[str]]:
    """Regions of the face that hold at least this share of each change's squared displacement, largest first.

    >>> from dfe_lib.morphable.anny import anny_head
    >>> main_regions(anny_head(), np.eye(52)[[anny_head().names.index("browInnerUp")]])
    [['brows']]
    """
    here = [name for name in REGIONS if name in head.regions]
    if not here:
        return [[] for _ in psi]
    areas = head.areas()
    energy = np.stack([mesh_energy(psi, head.gram(name)) * areas[head.region(name)].sum()
                       for name in here], 1)  # fmt: skip
    share = energy / np.maximum(energy.sum(1, keepdims=True), 1e-12)
    order = np.argsort(-share, axis=1, kind="stable")
    return [[here[i] for i in ranks if row[i] >= least] for row, ranks in zip(share, order, strict=True)]


@lru_cache(maxsize=4)
def _ways(head: MorphableModel) -> tuple[list[tuple[str, str, str, str]], Float[np.ndarray, "e f"]]:
    """What is measured, as (part, side, way when positive, way when negative), and how far each coefficient moves it.

    Length f of a change is `psi @ ways[:, f]` in mm: every one is linear in psi.
    """
    if head.landmarks is None:
        raise UserError("this head model has no landmarks, so its movements have no names: use the Anny head.")
    moved = head.landmarks(head.expression.astype(float)) * MM_PER_M
    chin, upper, lower = (moved[:, list(points)].mean(1) for points in (CHIN, UPPER_LIP, LOWER_LIP))
    sides = {part: {side: moved[:, list(at)].mean(1) for side, at in both.items()} for part, both in SIDED.items()}
    table = _jaw(chin) | _lips(upper, lower, sides["lip corner"]) | _sided(sides) | _gaze(sides) | _tongue(head, chin)
    names = list(table)
    carried = chin[:, 1]
    jaw = int(np.abs(carried).argmax())
    ways = np.stack(list(table.values()), 1)
    free = [i for i, name in enumerate(names) if name[0] not in ("jaw", "mouth")]
    # what the jaw drags along is no movement of its own
    ways[:, free] -= np.outer(carried, ways[jaw, free] / carried[jaw])
    return names, ways


Table = dict[tuple[str, str, str, str], Float[np.ndarray, " e"]]


def _jaw(chin: Float[np.ndarray, "e 3"]) -> Table:
    return {("jaw", "", "up", "down"): chin @ UP, ("jaw", "", "to the left", "to the right"): chin @ LEFT}


def _lips(upper: np.ndarray, lower: np.ndarray, corners: dict[str, np.ndarray]) -> Table:
    left, right = corners["left"], corners["right"]
    return {
        ("mouth", "", "opens", "closes"): (upper - lower) @ UP,
        ("upper lip", "", "up", "down"): upper @ UP,
        ("lower lip", "", "up", "down"): lower @ UP,
        ("upper lip", "", "forward", "back"): upper @ FORWARD,
        ("lower lip", "", "forward", "back"): lower @ FORWARD,
        ("mouth", "", "to the left", "to the right"): (left + right) @ LEFT / 2,
        ("lip corner", "left", "outwards", "inwards"): left @ LEFT,
        ("lip corner", "right", "outwards", "inwards"): -right @ LEFT,
    }


def _sided(sides: dict[str, dict[str, np.ndarray]]) -> Table:
    table: Table = {}
    for side, out in (("left", LEFT), ("right", -LEFT)):
        at = {part: both[side] for part, both in sides.items()}
        for part in ("lip corner", "inner brow", "outer brow", "lower lid", "cheek", "nostril"):
            table[part, side, "up", "down"] = at[part] @ UP
        table["inner brow", side, "outwards", "inwards"] = at["inner brow"] @ out
        table["eye", side, "opens", "closes"] = (at["upper lid"] - at["lower lid"]) @ UP
        table["cheek", side, "puffed", "sucked in"] = at["cheek"] @ (0.8 * out + 0.6 * FORWARD)
    return table


def _gaze(sides: dict[str, dict[str, np.ndarray]]) -> Table:
    both = (sides["iris"]["left"] + sides["iris"]["right"]) / 2
    return {("gaze", "", "up", "down"): both @ UP, ("gaze", "", "to the left", "to the right"): both @ LEFT}


def _tongue(head: MorphableModel, chin: Float[np.ndarray, "e 3"]) -> Table:
    if "inner_mouth" not in head.regions:
        return {}
    inside = head.expression[:, head.region("inner_mouth")].astype(float) * MM_PER_M
    return {("tongue", "", "out", "in"): inside[..., 2].max(1) - np.maximum(chin @ FORWARD, 0)}


def _told(
    names: list[tuple[str, str, str, str]], lengths: Float[np.ndarray, " f"], shares: Float[np.ndarray, " f"]
) -> list[Movement]:
    found = [
        Movement(part, side, plus if length > 0 else minus, abs(float(length)), float(share))
        for (part, side, plus, minus), length, share in zip(names, lengths, shares, strict=True)
    ]
    found = _merged(_merged(_without_echoes(found), "part"), "side")
    found = [each for each in found if each.mm >= SEEN_MM]
    most = max((each.share for each in found), default=0.0)
    return sorted((each for each in found if each.share >= SEEN_SHARE * most), key=lambda each: -each.mm)


def _without_echoes(found: list[Movement]) -> list[Movement]:
    """Says once what the geometry says twice: an open mouth is a jaw down, a mouth to the left moves both corners."""
    by = {(each.part, each.side, axis): each for each in found for axis in [_axis(each.way)]}
    gone: list[Movement] = []
    jaw, gap = by["jaw", "", "height"], by["mouth", "", "gap"]
    opens = (gap.way == "opens") == (jaw.way == "down")
    if jaw.mm < SEEN_MM or not opens or gap.mm < 0.4 * jaw.mm:
        gone.append(gap)
    else:
        gone.append(jaw)
    corners = [by["lip corner", side, "width"] for side in ("left", "right")]
    shift = by["mouth", "", "side"]
    weak, strong = sorted(each.mm for each in corners)
    if corners[0].way != corners[1].way and weak >= PAIRED * strong:
        gone += corners
    else:
        gone.append(shift)
    return [each for each in found if not any(each is other for other in gone)]


def _axis(way: str) -> str:
    kinds = {"height": ("up", "down"), "gap": ("opens", "closes"), "side": ("to the left", "to the right")}
    kinds |= {"width": ("outwards", "inwards")}
    return next((kind for kind, words in kinds.items() if way in words), way)


def _merged(found: list[Movement], what: str) -> list[Movement]:
    """Inner and outer brow to a brow (`part`), or left and right to both (`side`), where they go together."""
    kept: list[Movement] = []
    for each in found:
        twin = next((other for other in kept if _twins(each, other, what)), None)
        if twin is None:
            kept.append(each)
            continue
        mm, share = (each.mm + twin.mm) / 2, (each.share + twin.share) / 2
        joined = replace(twin, mm=mm, share=share)
        joined = replace(joined, part="brow") if what == "part" else replace(joined, side="both")
        kept[kept.index(twin)] = joined
    return kept


def _twins(one: Movement, other: Movement, what: str) -> bool:
    if one.way != other.way or min(one.mm, other.mm) < PAIRED * max(one.mm, other.mm):
        return False
    if what == "part":
        return {one.part, other.part} == {"inner brow", "outer brow"} and one.side == other.side
    return one.part == other.part and {one.side, other.side} == {"left", "right"}
