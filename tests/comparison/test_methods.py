from dataclasses import replace

import numpy as np
import pandas as pd
from frame_sets import faces
from planted import PlantedDisplays, invented_metric

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.comparison.implicit_code import ImplicitCode
from dfe_lib.comparison.methods import TERMS, ablation, baselines, variants
from dfe_lib.comparison.rvqvae_code import TrainedCode, speed_table
from dfe_lib.morphable.space import ExpressionSpace
from dfe_lib.quantisation.config import TrainConfig
from dfe_lib.quantisation.metrics import error_mm
from dfe_lib.quantisation.model_card import write_model_card
from dfe_lib.quantisation.rvqvae import RvqVaeConfig

CODES = tuple(f"exp{i}" for i in range(1, 7))
CONFIG = RvqVaeConfig(CODES, codebook_size=8, n_stages=2, latent_dim=6, width=8, heads=2, decoder_width=16)
BRIEF = TrainConfig(steps=2, start_rounds=2, start_frames=200, evaluate_every=1)
PSI, _ = PlantedDisplays.invented(5, 6).sample(200)
METRIC = invented_metric(6)


def test_codes_of_flame_are_compared_without_what_needs_facial_actions() -> None:
    flame = baselines(ExpressionSpace(CODES, METRIC, "code units", None), CONFIG, BRIEF)
    arkit = baselines(ExpressionSpace(ACTIONS, np.eye(52), "mm", None), CONFIG, BRIEF)
    assert set(arkit) - set(flame) == {
        "region_dictionary", "au_intensity", "au_intensity_regressed", "au_binary", "au_binary_regressed"
    }  # fmt: skip
    assert all(name.startswith("dfe_") for name in variants(CONFIG, BRIEF))


def test_the_large_codebook_takes_no_more_bits_than_it_may() -> None:
    large = variants(CONFIG, BRIEF)["dfe_k16"]
    assert large.fit(PSI, METRIC, 6).bits == 4 and large.encode(PSI).shape == (len(PSI), 1)


def test_every_method_fits_codes_without_a_mesh() -> None:
    for name, code in baselines(ExpressionSpace(CODES, METRIC, "code units", None), CONFIG, BRIEF).items():
        if isinstance(code, ImplicitCode):
            code.steps = 5
        decoded = code.fit(PSI, METRIC, 6).decode(code.encode(PSI))
        assert decoded.shape == PSI.shape, name


def test_an_ablation_changes_one_setting_at_a_time() -> None:
    table, codes = ablation(CONFIG, BRIEF, PSI, PSI[:50], METRIC)
    assert set(TERMS) | {"chosen", "additive_decoder", "no_beam"} <= set(table.setting)
    assert set(table.bits) == {6.0}
    assert codes["no_gradient_steps"].training.steps == 0
    assert codes["no_beam"].config.beam == 1
    assert (table.error_mm > 0).all()


def test_the_speed_table_counts_the_start_and_the_steps(tmp_path) -> None:
    code = TrainedCode(CONFIG, BRIEF, PSI[:50]).fit(PSI, METRIC, 6)
    row = speed_table({"dfe_joint": code}, PSI).iloc[0]
    assert len(code.seconds) == len(code.history) == 3
    assert 0 < row.start_s <= row.near_final_s <= row.total_s
    assert row.encode_frames_per_s > 0


def test_the_card_tells_data_seed_and_figures(tmp_path) -> None:
    kinds = {"data": np.array(["real", "simulated"]), "heldout": np.array([False, True])}
    corpus = replace(faces(["a", "b"], 1, PSI[:2]), **kinds)
    figures = TrainedCode(CONFIG, BRIEF).fit(PSI, METRIC, 6)
    row = ablation(CONFIG, BRIEF, PSI, PSI[:50], METRIC)[0].head(1)
    write_model_card(tmp_path, "study", figures.config, BRIEF, corpus.subjects(), row, "mm")
    card = (tmp_path / "README.md").read_text()
    assert "| simulated | heldout | 1 | 1 |" in card
    assert "seed 0" in card
    assert f"{row.error_mm.iloc[0]:.3f}".rstrip("0") in card


def test_the_card_gives_errors_with_their_spread_and_names_what_is_new(tmp_path) -> None:
    kinds = {"data": np.array(["real", "simulated"]), "heldout": np.array([False, True])}
    corpus = replace(faces(["a", "b"], 1, PSI[:2]), **kinds)
    about = {"method": "ours", "bits": 6, "frames": 9, "people": 2, "n_seeds": 3, "usage": 0.77}
    figures = pd.DataFrame(
        [about | {"data": "simulated", "error_mm": 0.25, "error_mm_sd": 0.0123},
         about | {"data": "real, first fold", "error_mm": 0.4449, "error_mm_sd": np.nan}]
    )  # fmt: skip
    again = pd.DataFrame(
        [{"training": training, "data": data, "error_mm": error, "templates_again": same}
         for training, same, error in (("seed 0", 1.0, 0.25), ("noise", 0.8125, 0.26)) for data in ("simulated", "all")]
    )  # fmt: skip
    aligned = pd.DataFrame({"display": range(4), "cosine": [0.8, 0.2, 0.9, 1.0], "matched": [True, False, True, True]})
    write_model_card(tmp_path, "study", CONFIG, BRIEF, corpus.subjects(), figures, "mm", again, aligned, "known")
    card = (tmp_path / "README.md").read_text()
    assert "0.250 ± 0.012" in card and "0.445" not in card and "0.77" not in card
    assert "`known`" in card and "3 of 4, with cosines over the face of 0.80 to 1.00, in the median 0.90" in card
    assert "New are 1." in card
    assert "| noise | 0.812 | 0.26 |" in card and "| all |" not in card


def test_a_thorough_search_is_of_the_same_model_and_no_worse() -> None:
    code = TrainedCode(CONFIG, BRIEF).fit(PSI, METRIC, 6)
    wide = code.searched(12)
    assert wide.model.config.beam == 12
    assert np.array_equal(wide.templates(), code.templates())
    errors = [error_mm(PSI, each.decode(each.encode(PSI)), METRIC).mean() for each in (code, wide)]
    assert errors[1] <= errors[0] + 1e-3


def test_templates_of_a_code_with_strengths_are_its_displays_at_their_top_level() -> None:
    code = TrainedCode(replace(CONFIG, levels=2, decoder="additive"), BRIEF).fit(PSI, METRIC, 6)
    assert np.array_equal(code.templates(), code.model.templates()[1::2]) and len(code.templates()) == 4
