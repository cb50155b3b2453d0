"""Figures of the notebooks: tables and faces in, matplotlib figures out.

One module a notebook, beside pictures of clips, heads and overlays. Displacements are in mm, times in seconds; colours
are safe for colour-blind readers. Web pages are in `report.pages`.
"""

from .clips import (
    clip_sheet,
    detection_timeline,
    head_sheet,
    psi_timeline,
    token_sheet,
    token_strip,
    training_curves,
    usage_bars,
)
from .codes import error_against_area, error_against_bits, recovery_bars
from .cohort import filmed_sheet, session_figure, summary_figure
from .downstream import LINES, needed_map, power_curves, score_dots, word_cards
from .facs import (
    CONTRASTED,
    contrast_gallery,
    coverage_curves,
    region_coverage,
    retrieval_scores,
    template_sheet,
    token_map,
)
from .fit import actor_sheet, error_map, fit_errors, overlay_sheet, truth_against_estimate
from .one_face import face_found, face_in_parts, read_face
from .overlays import clip_overlays, frame_overlays
from .pictures import (
    clip_pictures,
    clip_to_show,
    example_displays,
    frames_to_show,
    has_pictures,
    middle_frames,
    some_of,
)

__all__ = [
    "CONTRASTED",
    "LINES",
    "actor_sheet",
    "clip_overlays",
    "clip_pictures",
    "clip_sheet",
    "clip_to_show",
    "contrast_gallery",
    "coverage_curves",
    "detection_timeline",
    "error_against_area",
    "error_against_bits",
    "error_map",
    "example_displays",
    "face_found",
    "face_in_parts",
    "filmed_sheet",
    "fit_errors",
    "frame_overlays",
    "frames_to_show",
    "has_pictures",
    "head_sheet",
    "middle_frames",
    "needed_map",
    "overlay_sheet",
    "power_curves",
    "psi_timeline",
    "read_face",
    "recovery_bars",
    "region_coverage",
    "retrieval_scores",
    "score_dots",
    "session_figure",
    "some_of",
    "summary_figure",
    "template_sheet",
    "token_map",
    "token_sheet",
    "token_strip",
    "training_curves",
    "truth_against_estimate",
    "usage_bars",
    "word_cards",
]
