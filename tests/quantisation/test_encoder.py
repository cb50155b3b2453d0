import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from planted import PlantedDisplays, invented_metric
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from dfe_lib import DiscreteFacialEncoder
from dfe_lib.blendshapes import ACTIONS, REGIONS
from dfe_lib.errors import UserError
from dfe_lib.quantisation.config import TrainConfig
from dfe_lib.quantisation.metrics import error_mm
from dfe_lib.quantisation.rvqvae import STUDY_MODEL, RvqVae, RvqVaeConfig

METRIC = invented_metric()
PSI = PlantedDisplays.invented().sample(600, seed=1)[0]
QUICK = TrainConfig(steps=0, start_rounds=3, start_frames=600)


@pytest.fixture(scope="module")
def encoder() -> DiscreteFacialEncoder:
    return DiscreteFacialEncoder(32, 3, levels=1, metric=METRIC, training=QUICK).fit(PSI)


def test_tokens_decode_to_the_face_they_stand_for(encoder):
    tokens = encoder.transform(PSI)
    assert tokens.shape == (600, 3) and tokens.min() >= 0 and tokens.max() < 32
    still = error_mm(PSI, 0 * PSI, METRIC).mean()
    assert error_mm(PSI, encoder.inverse_transform(tokens), METRIC).mean() < 0.5 * still


def test_additive_face_is_the_sum_of_the_templates(encoder):
    tokens = encoder.transform(PSI)
    summed = encoder.templates()[tokens].sum(1)
    np.testing.assert_allclose(encoder.inverse_transform(tokens), summed, atol=1e-5)


def test_clone_has_the_parameters_and_not_the_model(encoder):
    twin = clone(encoder)
    assert twin.get_params()["codebook_size"] == 32 and twin.get_params()["metric"] is not None
    with pytest.raises(NotFittedError):
        twin.transform(PSI)
    np.testing.assert_array_equal(twin.fit(PSI).transform(PSI), encoder.transform(PSI))


def test_it_is_a_step_of_a_pipeline(encoder):
    pipeline = make_pipeline(clone(encoder), FunctionTransformer(lambda tokens: np.sort(tokens, axis=1)))
    np.testing.assert_array_equal(pipeline.fit_transform(PSI), np.sort(encoder.transform(PSI), axis=1))


def test_metric_of_fit_goes_before_the_constructors(encoder):
    other = clone(encoder).fit(PSI, metric=np.eye(len(ACTIONS)))
    assert not np.array_equal(other.transform(PSI), encoder.transform(PSI))


def test_saved_and_read_back_it_gives_the_same_tokens(encoder, tmp_path):
    encoder.save_pretrained(tmp_path)
    again = DiscreteFacialEncoder.from_pretrained(tmp_path)
    np.testing.assert_array_equal(again.transform(PSI), encoder.transform(PSI))
    assert again.codebook_size == 32 and again.n_stages == 3


def test_codes_are_displays_at_four_strengths_by_default(tmp_path):
    encoder = DiscreteFacialEncoder(64, 3, metric=METRIC, training=QUICK).fit(PSI)
    assert encoder.model_.config.levels == 4 and encoder.model_.config.metric == "mm"
    assert (encoder.transform(0 * PSI[:2]) == 0).all()
    encoder.save_pretrained(tmp_path)
    again = DiscreteFacialEncoder.from_pretrained(tmp_path)
    np.testing.assert_array_equal(again.transform(PSI), encoder.transform(PSI))
    with pytest.raises(UserError, match="levels 4, not 1"):
        clone(again).set_params(levels=1).fit(PSI)


def test_without_a_metric_every_region_of_the_head_counts_alike():
    quick = TrainConfig(steps=0, start_rounds=1, start_frames=600)
    model = DiscreteFacialEncoder(16, 2, training=quick).fit(PSI).model_
    assert model.config.metric == "balanced" and [name for name, _ in model.config.region_weights] == list(REGIONS)


def test_study_model_is_the_default():
    encoder = DiscreteFacialEncoder.from_pretrained()
    expected = RvqVae.from_pretrained(STUDY_MODEL).encode(torch.as_tensor(PSI))
    np.testing.assert_array_equal(encoder.transform(PSI), expected)


def test_what_does_not_fit_is_told(encoder):
    with pytest.raises(UserError, match="52 columns"):
        encoder.transform(PSI[:, :51])
    with pytest.raises(UserError, match="not finite"):
        encoder.transform(np.full((1, 52), np.nan, np.float32))
    with pytest.raises(UserError, match="0 to 31"):
        encoder.inverse_transform(np.array([[0, 1, 32]]))
    with pytest.raises(UserError, match="mesh metric"):
        DiscreteFacialEncoder(4, 2, coefficients=("exp1", "exp2")).fit(PSI[:, :2])
    with pytest.raises(UserError, match="percentages"):
        encoder.transform(100 * np.abs(PSI))
    with pytest.raises(UserError, match="whole numbers"):
        encoder.inverse_transform(np.array([[0.5, 1.0, 2.0]]))
    with pytest.raises(UserError, match=r"\(frames, 3\)"):
        encoder.inverse_transform(np.array([0, 1, 2]))


def test_columns_of_a_table_are_taken_by_name(encoder):
    table = pd.DataFrame(PSI, columns=ACTIONS)
    np.testing.assert_array_equal(encoder.transform(table[list(ACTIONS[::-1])]), encoder.transform(PSI))
    with pytest.raises(UserError, match="no column jawOpen"):
        encoder.transform(table.drop(columns="jawOpen"))


def test_a_pretrained_model_stays_what_it_is_in_a_pipeline(encoder, tmp_path):
    encoder.save_pretrained(tmp_path)
    pretrained = DiscreteFacialEncoder.from_pretrained(tmp_path)
    pipeline = make_pipeline(clone(pretrained), FunctionTransformer())
    np.testing.assert_array_equal(pipeline.fit_transform(PSI[:50]), encoder.transform(PSI[:50]))
    with pytest.raises(UserError, match="pretrained=None"):
        clone(pretrained).set_params(n_stages=2).fit(PSI)


def test_coefficients_outside_the_bounds_that_the_model_states_are_refused(encoder):
    assert encoder.model_.config.bounds == (0.0, 1.0)
    row = PSI[:1].copy()
    row[0, 3] = 1.2
    with pytest.raises(UserError, match=f"{ACTIONS[3]} is 1.2 in row 0"):
        encoder.transform(row)
    row[0, 3] = -0.3
    with pytest.raises(UserError, match="0 to 1"):
        encoder.transform(row)
    row[0, 3] = 1.005  # rounded up by whoever wrote it
    assert encoder.transform(row).shape == (1, 3)


def test_other_coefficients_have_the_bounds_that_their_model_says(tmp_path):
    free = RvqVae(RvqVaeConfig(("exp1", "exp2"), 4, 1))
    assert free.config.bounds is None
    RvqVae(RvqVaeConfig(("exp1", "exp2"), 4, 1, bounds=(-3.0, 3.0))).save_pretrained(tmp_path)
    bound = DiscreteFacialEncoder.from_pretrained(tmp_path)
    assert bound.transform(np.full((1, 2), -2.9)).shape == (1, 1)
    with pytest.raises(UserError, match="-3 to 3"):
        bound.transform(np.full((1, 2), -4.0))
    with pytest.raises(UserError, match="bounds"):
        RvqVaeConfig(("exp1",), bounds=(1.0, 0.0))


def test_a_model_from_before_there_were_bounds_has_those_of_its_coefficients(encoder, tmp_path):
    encoder.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    del config["bounds"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert RvqVae.from_pretrained(tmp_path).config == encoder.model_.config


def test_tokens_come_as_a_table_when_asked(encoder):
    tables = clone(encoder).set_output(transform="pandas").fit(PSI)
    tokens = tables.transform(pd.DataFrame(PSI, columns=ACTIONS, index=range(7, 607)))
    assert list(tokens) == ["token_1", "token_2", "token_3"] == list(encoder.get_feature_names_out())
    assert tokens.index[0] == 7
    np.testing.assert_array_equal(tokens, encoder.transform(PSI))
    np.testing.assert_array_equal(tables.inverse_transform(tokens), encoder.inverse_transform(tokens.to_numpy()))


def test_a_fitted_encoder_says_what_it_reads(encoder, tmp_path):
    encoder.save_pretrained(tmp_path)
    for fitted in (encoder, DiscreteFacialEncoder.from_pretrained(tmp_path)):
        assert fitted.n_features_in_ == 52 and tuple(fitted.feature_names_in_) == ACTIONS


def test_a_clone_keeps_its_pretrained_model_and_refuses_other_coefficients(encoder, tmp_path):
    encoder.save_pretrained(tmp_path)
    pretrained = DiscreteFacialEncoder.from_pretrained(tmp_path)
    twin = clone(pretrained)
    assert twin.get_params() == pretrained.get_params()
    np.testing.assert_array_equal(twin.fit(PSI[:2]).transform(PSI), pretrained.transform(PSI))
    with pytest.raises(UserError, match="other coefficients"):
        clone(pretrained).set_params(coefficients=ACTIONS[::-1]).fit(PSI[:2])


EXCEPTIONS = {
    "check_dtype_object": "what is no number is a UserError, which is a ValueError and no TypeError",
}
"""Checks of scikit-learn that the encoder does not pass, and why."""


@pytest.mark.slow
def test_scikit_learns_own_checks_pass_but_for_the_exceptions():
    script = Path(__file__).parents[1] / "helpers" / "sklearn_checks.py"
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    checks = json.loads(done.stdout)
    assert checks.get("failed", {}).keys() == EXCEPTIONS.keys(), checks["failed"]
    assert checks["skipped"].keys() == {"check_array_api_input"} and len(checks["passed"]) > 35
