"""Frames of invented people."""

import numpy as np

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.comparison.frame_sets import FrameSet


def faces(people, each=10, psi=None):
    count = len(people) * each
    subject = np.repeat(np.array(people), each)
    time_s = np.tile(np.arange(each) / 10, len(people))
    psi = np.zeros((count, len(ACTIONS))) if psi is None else psi
    return FrameSet(psi, subject, subject, np.tile(np.arange(each), len(people)), time_s, np.full(count, "", "<U32"))
