"""The fit: landmarks and scores of a face to its expression coefficients psi, free of identity and pose.

In come frames tables; out go expressions tables with psi in [0, 1], a row a frame, the distance of the landmarks from
the fitted head in mm, and how exact all this is on rendered actors and on real clips.
"""

from ..lazy import importer

_MODULES = {
    "ExpressionEstimator": "estimator",
    "LandmarkSolver": "solver",
    "actor_fairness": "fairness",
    "build_estimator": "estimator_build",
    "fit_accuracy": "benchmark",
    "fit_report": "report",
    "fit_tables": "fit",
    "pretrained_estimator": "estimator",
    "smooth_expressions": "smoothing",
}

__all__ = sorted(_MODULES)

__getattr__ = importer(__name__, _MODULES)
