"""Codes of the face side by side: the codebook, FACS and classical quantisers at equal bits.

In come frames with psi and fitted codes; out go tables of error in mm, explained variance by region, retrieval,
diversity and recovery, each with intervals over people, and the reading of every token in action units.
"""

from .coverage import covers_more
from .face_parts import action_unit_parts, frequent_parts, token_parts
from .facs_comparison import FacsComparison, compare_with_facs
from .frame_sets import codebook_people
from .methods import ablation_table, compared_methods
from .reconstruction import compare, region_metrics
from .recovery import recovery_table
from .rvqvae_code import TrainedCode, speed_table
from .templates import similarity_rank, template_table, tokens_used
from .token_readings import token_units

__all__ = [
    "FacsComparison",
    "TrainedCode",
    "ablation_table",
    "action_unit_parts",
    "codebook_people",
    "compare",
    "compare_with_facs",
    "compared_methods",
    "covers_more",
    "frequent_parts",
    "recovery_table",
    "region_metrics",
    "similarity_rank",
    "speed_table",
    "template_table",
    "token_parts",
    "token_units",
    "tokens_used",
]
