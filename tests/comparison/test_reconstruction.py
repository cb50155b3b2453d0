from dataclasses import replace

import numpy as np
import pytest
import torch
from frame_sets import faces
from planted import PlantedDisplays, invented_metric

from dfe_lib.comparison.baselines import PcaScalar, ResidualCode
from dfe_lib.comparison.reconstruction import compare, token_changes, words_used
from dfe_lib.comparison.rvqvae_code import TrainedCode
from dfe_lib.quantisation.metrics import error_mm, perplexity
from dfe_lib.quantisation.rvqvae import RvqVae, RvqVaeConfig

METRIC = invented_metric(6)
PSI, _ = PlantedDisplays.invented(5, 6).sample(200)
FRAMES = faces(["a", "b"], 100, PSI)


def test_the_tables_hold_every_method_data_and_region() -> None:
    codes = {"faiss_rq": ResidualCode(4).fit(PSI, METRIC, 4), "pca_scalar": PcaScalar().fit(PSI, METRIC, 4)}
    tables = compare(codes, {"real": FRAMES, "simulated": FRAMES}, {"face": METRIC, "mouth": 4 * METRIC})
    reconstruction, regions, stability = tables
    assert len(reconstruction) == len(stability) == 4
    assert list(reconstruction.columns[:6]) == ["method", "bits", "stages", "codebook_size", "data", "error_mm"]
    code = codes["faiss_rq"]
    expected = error_mm(PSI, code.decode(code.encode(PSI)), METRIC).mean()
    np.testing.assert_allclose(reconstruction.error_mm[0], expected)
    by_region = regions.set_index(["method", "data", "region"]).error_mm
    np.testing.assert_allclose(by_region["faiss_rq", "real", "mouth"], 2 * expected)


def test_trained_codes_stand_beside_what_is_held_of_them_by_the_length_that_is_asked_for() -> None:
    names = tuple(f"c{i}" for i in range(PSI.shape[1]))
    model = RvqVae(RvqVaeConfig(names, codebook_size=16, n_stages=2)).eval()
    model.quantiser.codebook.data.zero_()[0, :, : len(names)] = torch.as_tensor(PSI[:16])
    code = TrainedCode.of(model)
    tables = [
        compare({"dfe": code}, {"real": FRAMES}, {"face": METRIC}, hold_mm=length)[2] for length in (0.0, 1e-9, 1e3)
    ]
    assert [table.method.tolist() for table in tables] == [["dfe"], ["dfe", "dfe_held"], ["dfe", "dfe_held"]]
    _, hardly, all_held = (table.set_index("method") for table in tables)
    assert hardly.error_mm["dfe_held"] == pytest.approx(hardly.error_mm["dfe"], rel=1e-6)
    assert all_held.error_mm["dfe_held"] > all_held.error_mm["dfe"]


def test_words_of_separate_codebooks_are_counted_book_by_book() -> None:
    symbols = np.array([[0, 3], [1, 3], [0, 3], [1, 3]])
    assert words_used(symbols, 4, shared=False) == {"usage": (0.5 + 0.25) / 2, "perplexity": (2.0 + 1.0) / 2}
    assert words_used(symbols, 4, shared=True)["perplexity"] == perplexity(symbols, 4)
    assert np.isnan(words_used(symbols, 0, shared=False)["usage"])


def test_changes_are_counted_where_the_face_keeps_still_and_the_clip_goes_on() -> None:
    psi = np.zeros((6, 6))
    psi[3:] = 1.0  # the face moves between frames 2 and 3
    frames = replace(
        faces(["a"], 6, psi), clip=np.array(list("aaaabb")), time_s=np.array([0.0, 0.1, 0.2, 0.3, 0.0, 0.1])
    )
    symbols = np.array([[0, 0], [0, 1], [0, 1], [5, 5], [6, 6], [6, 7]])
    found = token_changes(symbols, frames, np.eye(6))
    np.testing.assert_allclose(
        [found["still_s"], found["changes_per_s"], found["share_changed"]], [0.3, 2 / 0.3, 2 / 6]
    )
