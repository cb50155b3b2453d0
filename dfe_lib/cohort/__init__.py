"""Simulated people: facial displays on a timetable, with labels that depend on them by known effects.

In come a configuration and a seed; out go psi in [0, 1] a frame, the events (display, side, intensity, seconds) and
labels of each person, exact or as the estimator would see them. They show what a
method can recover, not what people do.
"""

from .calibration import cohort_summary, measure
from .cohort import CohortConfig, cohort_expressions, simulate_person, write_cohort
from .crops import rendered_crops
from .displays import primitives
from .error_model import observed, pretrained_error_model
from .filmed import film_people, observation_table

__all__ = [
    "CohortConfig",
    "cohort_expressions",
    "cohort_summary",
    "film_people",
    "measure",
    "observation_table",
    "observed",
    "pretrained_error_model",
    "primitives",
    "rendered_crops",
    "simulate_person",
    "write_cohort",
]
