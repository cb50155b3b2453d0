"""Files of other programs, one module a format: what they hold, in the units of a frames table.

In come OpenFace, FACSvatar, py-feat, LibreFace, AFFDEX and Live Link tables, FaceLandmarker's scores as people write
them, DAIC-WOZ and D-Vlog landmarks, Seamless Interaction's features, and codes of EMOCA, DECA and SMIRK; out go
recordings with times in seconds, landmarks in pixels or mm, scores in [0, 1] or coefficients of FLAME.
"""

from .recording import Recording
from .registry import find_recordings, recognise
from .settings import ReadSettings

__all__ = ["ReadSettings", "Recording", "find_recordings", "recognise"]
