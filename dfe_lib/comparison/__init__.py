"""Codes of the face side by side: the codebook, FACS and classical quantisers at equal bits.

In come frames with psi and fitted codes; out go tables of error in mm, explained variance by region, retrieval,
diversity and recovery, each with intervals over people, and the reading of every token in action units.
"""

from ..lazy import importer

_MODULES = {
    "FacsComparison": "facs_comparison",
    "TrainedCode": "rvqvae_code",
    "ablation_table": "methods",
    "action_unit_parts": "face_parts",
    "codebook_people": "frame_sets",
    "compare": "reconstruction",
    "compare_with_facs": "facs_comparison",
    "compared_again": "retraining",
    "compared_kinds": "likeness",
    "compared_methods": "methods",
    "fit_folds": "left_out",
    "left_out_people": "left_out",
    "left_out_table": "left_out",
    "likeness_actions": "likeness",
    "likeness_table": "likeness",
    "write_folds": "left_out",
    "coverage_of_tables": "coverage",
    "covers_more": "coverage",
    "frequent_parts": "face_parts",
    "reconstruction_over_seeds": "retraining",
    "recovery_over_seeds": "retraining",
    "recovery_table": "recovery",
    "region_metrics": "reconstruction",
    "similarity_rank": "templates",
    "speed_table": "rvqvae_code",
    "template_table": "templates",
    "token_parts": "face_parts",
    "token_units": "token_readings",
    "tokens_used": "templates",
    "trained_again": "retraining",
    "training_table": "retraining",
}

__all__ = sorted(_MODULES)

__getattr__ = importer(__name__, _MODULES)
