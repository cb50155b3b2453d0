"""Frames of invented people."""

import numpy as np

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.io.tables import SIMULATED
from dfe_lib.quantisation.corpus import Frames


def faces(people, each=10, psi=None, data=SIMULATED):
    """Frames of each person in a clip of the same name, ten a second."""
    count = len(people) * each
    subject = np.repeat(np.array(people), each)
    return Frames(
        np.zeros((count, len(ACTIONS))) if psi is None else psi, subject, subject,
        np.tile(np.arange(each), len(people)), np.tile(np.arange(each) / 10, len(people)),
        np.broadcast_to(data, count), np.zeros(count, bool), np.full(count, "", "<U32"),
    )  # fmt: skip
