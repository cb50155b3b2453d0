"""Psychological tasks: bags of words, action units and other vectors of a clip to labels of people never seen.

In come tokens, expressions and clips with labels; out go scores by subject-wise cross-validation with bootstrap
intervals over people, a chance line and a shuffled-label control, and the displays that a prediction depends on.
"""

from .bag_of_words import BagOfWords, token_windows
from .clip import Clip
from .cohort_vectors import CohortReader
from .cross_validation import fitted_vectors, official_folds
from .display_labels import display_name, window_labels
from .evaluation import evaluate
from .masked_autoencoders import MaskedAutoencoder
from .picture_vectors import small_encoders
from .power import ENOUGH, people_needed
from .recorded import labelled_clips, with_action_units
from .representations import clip_representations
from .simulated import StudySettings, simulated_study
from .tasks import Task, tasks_of
from .weights import planted_displays

__all__ = [
    "ENOUGH",
    "BagOfWords",
    "Clip",
    "CohortReader",
    "MaskedAutoencoder",
    "StudySettings",
    "Task",
    "clip_representations",
    "display_name",
    "evaluate",
    "fitted_vectors",
    "labelled_clips",
    "official_folds",
    "people_needed",
    "planted_displays",
    "simulated_study",
    "small_encoders",
    "tasks_of",
    "token_windows",
    "window_labels",
    "with_action_units",
]
