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
from dfe_lib.blendshapes import ACTIONS
from dfe_lib.errors import UserError
from dfe_lib.quantisation.config import TrainConfig
from dfe_lib.quantisation.metrics import error_mm
from dfe_lib.quantisation.rvqvae import STUDY_MODEL, RvqVae

METRIC = invented_metric()
PSI = PlantedDisplays.invented().sample(600, seed=1)[0]
QUICK = TrainConfig(steps=0, start_rounds=3, start_frames=600)


@pytest.fixture(scope="module")
def encoder() -> DiscreteFacialEncoder:
    return DiscreteFacialEncoder(32, 3, metric=METRIC, training=QUICK).fit(PSI)


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
