"""Names of the facial actions, in the one order that every table and model here uses, and of the face's regions."""

from collections.abc import Sequence

from .errors import UserError

__all__ = ["ACTIONS", "BLENDSHAPES", "REGIONS", "coefficient_columns", "mirror_permutation"]

BLENDSHAPES: tuple[str, ...] = (
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight",
    "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight",
    "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight",
    "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight",
    "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker",
    "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    "mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight",
    "mouthUpperUpLeft", "mouthUpperUpRight", "noseSneerLeft", "noseSneerRight",
)  # fmt: skip
"""The 51 ARKit facial actions that FaceLandmarker scores, in its order."""

ACTIONS: tuple[str, ...] = (*BLENDSHAPES, "tongueOut")
"""The 52 ARKit facial actions: the coefficients of psi on the Anny head."""

REGIONS: tuple[str, ...] = ("brows", "eyes", "nose", "cheeks", "mouth", "jaw")
"""Parts of the face over which errors are taken: regions of `MorphableModel.region`."""


def coefficient_columns(columns: Sequence[str], names: Sequence[str] = ACTIONS) -> list[int]:
    """Where a table has each coefficient: by its name, or written as by Live Link (`JawOpen`) or this project's files
    (`psi_jawOpen`, `psi.jawOpen`).

    Raises UserError for one that is missing, or that two columns stand for.

    >>> coefficient_columns(["time_s", "psi_jawOpen", "JawLeft"], ("jawLeft", "jawOpen"))
    [2, 1]
    """
    places: dict[str, list[int]] = {}
    for place, column in enumerate(columns):
        places.setdefault(_bare(column), []).append(place)
    for name in names:
        here = places.get(_bare(name), [])
        if not here:
            raise UserError(f"The table has no column {name}: its columns must be named as the coefficients are.")
        if len(here) > 1:
            raise UserError(f"The table has {name} in {len(here)} columns, such as {columns[here[1]]}: keep one.")
    return [places[_bare(name)][0] for name in names]


def _bare(column: str) -> str:
    return column.strip().removeprefix("psi_").removeprefix("psi.").lower()


def mirror_permutation(names: Sequence[str] = ACTIONS) -> list[int]:
    """Index of each action's mirror image, so that `psi[..., mirror_permutation()]` is the mirrored face.

    Raises UserError for names that are no facial actions: mirroring does not permute the codes of FLAME.

    >>> names = ("jawLeft", "jawOpen", "jawRight")
    >>> mirror_permutation(names)
    [2, 1, 0]
    """
    strangers = [name for name in names if name not in ACTIONS]
    if strangers:
        raise UserError(f"{strangers[0]} is no ARKit action: the mirror image of this psi is not known.")
    return [names.index(_mirrored(name)) for name in names]


def _mirrored(name: str) -> str:
    for side, other in (("Left", "Right"), ("Right", "Left")):
        if name.endswith(side):
            return name.removesuffix(side) + other
    return name
