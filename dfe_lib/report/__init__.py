"""Figures of the notebooks: tables and faces in, matplotlib figures out.

One module a notebook, beside pictures of clips, heads and overlays. Displacements are in mm, times in seconds; colours
are safe for colour-blind readers. Web pages are in `report.pages`.
"""

from ..lazy import importer

_MODULES = {
    "CONTRASTED": "facs",
    "LINES": "downstream",
    "TURNS": "controls",
    "actor_sheet": "fit",
    "clip_overlays": "overlays",
    "clip_pictures": "pictures",
    "clip_sheet": "clips",
    "clip_to_show": "pictures",
    "contrast_gallery": "facs",
    "coverage_curves": "facs",
    "detection_timeline": "clips",
    "error_against_area": "codes",
    "error_against_bits": "codes",
    "error_map": "fit",
    "example_displays": "pictures",
    "explore": "controls",
    "face_found": "one_face",
    "fairness_dots": "fairness",
    "face_in_parts": "one_face",
    "filmed_sheet": "cohort",
    "fit_errors": "fit",
    "frame_overlays": "overlays",
    "frames_to_show": "pictures",
    "has_pictures": "pictures",
    "head_sheet": "clips",
    "middle_frames": "pictures",
    "needed_map": "downstream",
    "overlay_sheet": "fit",
    "own_scores": "own",
    "power_curves": "downstream",
    "psi_timeline": "clips",
    "read_face": "one_face",
    "recovery_bars": "codes",
    "region_coverage": "facs",
    "retrieval_scores": "facs",
    "score_dots": "downstream",
    "session_figure": "cohort",
    "some_of": "pictures",
    "summary_figure": "cohort",
    "template_sheet": "facs",
    "token_map": "facs",
    "token_sheet": "clips",
    "token_strip": "clips",
    "training_curves": "clips",
    "turned_head": "controls",
    "truth_against_estimate": "fit",
    "usage_bars": "clips",
    "word_cards": "downstream",
}

__all__ = sorted(_MODULES)

__getattr__ = importer(__name__, _MODULES)
