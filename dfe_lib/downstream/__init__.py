"""Psychological tasks: bags of words, action units and other vectors of a clip to labels of people never seen.

In come tokens, expressions and clips with labels; out go scores by subject-wise cross-validation with bootstrap
intervals over people, a chance line and a shuffled-label control, and the displays that a prediction depends on.
"""

from .bag_of_words import BagOfWords, token_windows
from .clip import Clip
from .cohort_vectors import CohortReader
from .cross_validation import official_folds
from .evaluation import evaluate
from .labels import label_tasks
from .masked_autoencoders import MaskedAutoencoder
from .own import OwnSettings, own_study
from .people_words import word_table
from .picture_vectors import small_encoders
from .power import ENOUGH, people_needed
from .recorded import labelled_clips
from .recorded_study import RecordedStudy, display_study
from .simulated import StudySettings, simulated_study
from .tasks import Task, tasks_of
from .weights import planted_displays

__all__ = [
    "ENOUGH",
    "BagOfWords",
    "Clip",
    "CohortReader",
    "MaskedAutoencoder",
    "OwnSettings",
    "RecordedStudy",
    "StudySettings",
    "Task",
    "display_study",
    "evaluate",
    "label_tasks",
    "labelled_clips",
    "official_folds",
    "own_study",
    "people_needed",
    "planted_displays",
    "simulated_study",
    "small_encoders",
    "tasks_of",
    "token_windows",
    "word_table",
]
