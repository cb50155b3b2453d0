from dataclasses import replace

import numpy as np
import pytest
from frame_sets import faces
from planted import PlantedDisplays, invented_metric

from dfe_lib.comparison.baselines import ResidualCode
from dfe_lib.comparison.left_out import fit_folds, left_out_people, left_out_table, read_folds, write_folds
from dfe_lib.comparison.reconstruction import FIRST_FOLD, compare
from dfe_lib.comparison.rvqvae_code import TrainedCode
from dfe_lib.io.tables import REAL
from dfe_lib.quantisation.config import TrainConfig
from dfe_lib.quantisation.corpus import joined
from dfe_lib.quantisation.metrics import error_mm
from dfe_lib.quantisation.rvqvae import RvqVaeConfig

NAMES = tuple(f"a{i}" for i in range(6))
METRIC = invented_metric(6)
PSI = PlantedDisplays.invented(5, 6).sample(240)[0]
CONFIG = RvqVaeConfig(NAMES, codebook_size=4, n_stages=2)


@pytest.fixture(scope="module")
def fitted():
    """Four real people, of whom `door` was held out, and two simulated ones; ours and faiss' quantiser on them."""
    real = faces(["anna", "ben", "cleo", "door"], 40, PSI[:160], REAL)
    corpus = joined([real, faces(["sim0", "sim1"], 40, PSI[160:])])
    corpus = replace(corpus, heldout=np.isin(corpus.subject, ["door", "sim1"]))
    ours = TrainedCode(CONFIG, TrainConfig(steps=0, start_rounds=2)).fit(corpus.training(), METRIC, 4)
    codes = {ours.name: ours, "faiss_rq": ResidualCode(4).fit(corpus.training(), METRIC, 4)}
    folds = fit_folds(ours, codes, corpus, 3, 0, 0.5, 0, METRIC)
    return corpus, ours, codes, folds


def test_every_real_person_is_left_out_once_and_the_first_fold_needs_no_training(fitted) -> None:
    _, ours, codes, folds = fitted
    assert [fold.frames.people.tolist() for fold in folds] == [["door"], ["anna", "ben"], ["cleo"]]
    assert folds[0].codes == codes
    assert all(set(fold.codes) == {ours.name, "faiss_rq"} for fold in folds)


def test_a_fold_has_learnt_from_the_others_alone(fitted) -> None:
    corpus, ours, _, folds = fitted
    others = replace(corpus, heldout=corpus.heldout | np.isin(corpus.subject, ["anna", "ben"]))
    expected = TrainedCode(CONFIG, ours.training).fit(others.training(0, 0.5), METRIC, 4)
    assert np.array_equal(folds[1].codes[ours.name].templates(), expected.templates())


def test_models_of_the_folds_are_read_back_with_their_people(fitted, tmp_path) -> None:
    _, ours, _, folds = fitted
    assert read_folds(tmp_path) == []
    write_folds(tmp_path, folds, ours.name)
    found = read_folds(tmp_path)
    assert [people for people, _ in found] == [["door"], ["anna", "ben"], ["cleo"]]
    assert np.array_equal(found[2][1].templates(), folds[2].codes[ours.name].templates())
    write_folds(tmp_path, [], ours.name)
    assert read_folds(tmp_path) == []


def test_rows_named_real_are_over_everybody_by_codes_that_have_not_seen_them(fitted) -> None:
    corpus, ours, codes, folds = fitted
    pca = codes | {"other": codes["faiss_rq"]}
    table = compare(pca, corpus.parts(), {"face": METRIC}, folds)[0].set_index(["method", "data"])
    errors = [
        error_mm(f.frames.psi, f.codes[ours.name].decode(f.codes[ours.name].encode(f.frames.psi)), METRIC)
        for f in folds
    ]
    assert table.error_mm[ours.name, REAL] == pytest.approx(np.concatenate(errors).mean())
    assert table.people[ours.name, REAL] == 4 and table.people[ours.name, FIRST_FOLD] == 1
    assert ("other", REAL) not in table.index and ("other", FIRST_FOLD) in table.index


def test_people_count_alike_and_ratios_are_to_the_rivals_error_on_them(fitted) -> None:
    _, ours, _, folds = fitted
    people = left_out_people(folds, METRIC)
    assert len(people) == 2 * 4 and people.explained.between(0, 1).all()
    table = left_out_table(people).set_index("method")
    mine = people[people.method == ours.name].error_mm
    assert table.error_mm[ours.name] == pytest.approx(mine.mean())
    assert table.error_low[ours.name] < mine.mean() < table.error_high[ours.name]
    assert table.loc["faiss_rq", ["ratio", "ratio_low", "ratio_high"]].tolist() == pytest.approx([1, 1, 1])
    alone = left_out_table(people[people.method == ours.name])
    assert alone[["ratio", "ratio_low"]].isna().all(None)
