"""scikit-learn's own checks of the encoder; run as a script, without the test run's checks of types and shapes.

The checks bring tables of a few columns of any size, and this encoder reads 52 coefficients from 0 to 1: their columns
are repeated and brought there on the way in.
"""

import json
import warnings

import numpy as np
from sklearn.utils import estimator_checks

from dfe_lib import DiscreteFacialEncoder, TrainConfig
from dfe_lib.blendshapes import ACTIONS


def widened(_: object, table: object, kernel: object = None) -> object:
    """52 columns in [0, 1]; whatever is no matrix of numbers stays."""
    if not isinstance(table, np.ndarray) or table.ndim != 2 or table.dtype == object:
        return table
    wide = np.resize(table.T, (len(ACTIONS), len(table))).T
    known = wide[np.isfinite(wide)]
    return ((wide - known.min()) / (np.ptp(known) or 1)).astype(table.dtype if table.dtype.kind == "f" else float)


def main() -> None:
    warnings.simplefilter("ignore")
    estimator_checks._enforce_estimator_tags_X = widened
    quick = TrainConfig(steps=0, start_frames=64, start_rounds=1)
    encoder = DiscreteFacialEncoder(4, 2, metric=np.eye(len(ACTIONS)), training=quick)
    done = estimator_checks.check_estimator(encoder, on_fail=None)
    by_status: dict[str, dict[str, str]] = {}
    for check in done:
        by_status.setdefault(check["status"], {})[check["check_name"]] = str(check["exception"])
    print(json.dumps(by_status))


if __name__ == "__main__":
    main()
