"""Codes of the face side by side: the codebook, FACS and classical quantisers at equal bits.

In come frames with psi and fitted codes; out go tables of error in mm, explained variance by region, retrieval,
diversity and recovery, each with intervals over people, and the reading of every token in action units.
"""

from .baselines import PcaScalar, ResidualCode
from .coverage import contrast_frames, coverage_table, display_coverage, find_code
from .diversity import diversity_table
from .facs_comparison import FacsComparison, compare_with_facs
from .frame_codes import compared_codes, token_codes
from .frame_sets import codebook_people, compared_frames, read_frames, read_split, shown_displays
from .methods import WIDE_BEAM, ablation, chosen_methods
from .reconstruction import compare, region_metrics
from .recovery import recovery_table
from .retrieval import retrieval_table
from .rvqvae_code import TrainedCode, speed_table
from .templates import similarity_rank, strongest_actions, template_table
from .token_readings import retrained_templates, token_shares, token_stability, token_units

__all__ = [
    "WIDE_BEAM",
    "FacsComparison",
    "PcaScalar",
    "ResidualCode",
    "TrainedCode",
    "ablation",
    "chosen_methods",
    "codebook_people",
    "compare",
    "compare_with_facs",
    "compared_codes",
    "compared_frames",
    "contrast_frames",
    "coverage_table",
    "display_coverage",
    "diversity_table",
    "find_code",
    "read_frames",
    "read_split",
    "recovery_table",
    "region_metrics",
    "retrained_templates",
    "retrieval_table",
    "shown_displays",
    "similarity_rank",
    "speed_table",
    "strongest_actions",
    "template_table",
    "token_codes",
    "token_shares",
    "token_stability",
    "token_units",
]
