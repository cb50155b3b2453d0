"""The fit: landmarks and scores of a face to its expression coefficients psi, free of identity and pose.

In come frames tables; out go expressions tables with psi in [0, 1], a row a frame, the distance of the landmarks from
the fitted head in mm, and how exact all this is on rendered actors and on real clips.
"""

from .benchmark import fit_accuracy
from .estimator import ExpressionEstimator, pretrained_estimator
from .estimator_build import build_estimator
from .fit import fit_tables
from .report import fit_report
from .smoothing import smooth_expressions
from .solver import LandmarkSolver

__all__ = [
    "ExpressionEstimator",
    "LandmarkSolver",
    "build_estimator",
    "fit_accuracy",
    "fit_report",
    "fit_tables",
    "pretrained_estimator",
    "smooth_expressions",
]
