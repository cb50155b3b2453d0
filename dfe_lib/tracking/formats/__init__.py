"""Files of other programs, one module a format: what they hold, in the units of a frames table.

In come OpenFace, py-feat, LibreFace and Live Link tables, DAIC-WOZ and D-Vlog landmarks, and codes of EMOCA, DECA and
SMIRK; out go recordings with times in seconds, landmarks in pixels or mm, scores in [0, 1] or coefficients of FLAME.
"""

from .recording import Recording
from .registry import find_recordings, recognise
from .settings import ReadSettings

__all__ = ["ReadSettings", "Recording", "find_recordings", "recognise"]
