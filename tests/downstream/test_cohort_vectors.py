import numpy as np
import pytest
import torch

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.cohort.cohort import CohortConfig, simulate_person
from dfe_lib.downstream.cohort_vectors import DATA, FRAMES, TRUTH, CohortReader, CohortVectors, cohort_vectors
from dfe_lib.downstream.weights import word_weights
from dfe_lib.errors import UserError
from dfe_lib.quantisation.rvqvae import RvqVae, RvqVaeConfig

COHORT = CohortConfig(3, 0.5, 5, seed=1)


@pytest.fixture(scope="module")
def reader() -> CohortReader:
    model = RvqVae(RvqVaeConfig(ACTIONS, codebook_size=16, n_stages=2)).eval()
    return CohortReader(model, CohortConfig(3, 0.5, 5, seed=2))


@pytest.fixture(scope="module")
def vectors(reader: CohortReader) -> CohortVectors:
    return cohort_vectors(COHORT, reader)


def test_every_kind_of_representation_is_there_for_everyone(vectors: CohortVectors) -> None:
    assert set(vectors.matrices) == {(data, frames) for data in DATA for frames in FRAMES}
    for matrices in vectors.matrices.values():
        assert {name.split()[0] for name in matrices} >= {"token", "au", "psi", "confounds"}
        assert all(len(matrix) == 3 and np.isfinite(matrix).all() for matrix in matrices.values())
    assert vectors.people.subject_id.tolist() == [f"sim001_000{i}" for i in range(3)]


def test_nothing_but_the_truth_knows_units_that_nobody_detects(vectors: CohortVectors) -> None:
    exact, observed = (set(vectors.matrices[data, "all"]) for data in DATA)
    assert exact - observed == {TRUTH, *(name for name in exact if "all of FACS" in name)}
    assert len(exact - observed) == 4


def test_a_person_does_not_depend_on_who_else_is_read(vectors: CohortVectors, reader: CohortReader) -> None:
    alone = reader.rows(simulate_person(COHORT, 2))
    for key, matrices in vectors.matrices.items():
        for name, matrix in matrices.items():
            np.testing.assert_array_equal(alone[key][name], matrix[2])


def test_tokens_are_shares_of_the_models_words(vectors: CohortVectors, reader: CohortReader) -> None:
    matrix = vectors.matrices[DATA[0], "all"]["token words"]
    assert len(reader.names("token words")) == matrix.shape[1] <= 16
    assert (np.square(matrix).sum(1) <= 2 + 1e-9).all() and matrix.sum() > 0


def test_displays_are_counted_as_they_came(vectors: CohortVectors) -> None:
    events = simulate_person(COHORT, 0).events
    assert vectors.matrices[DATA[0], "all"][TRUTH][0].sum() == len(events)


def test_the_reference_people_are_nobody_in_the_study(reader: CohortReader) -> None:
    with pytest.raises(UserError, match="take another"):
        cohort_vectors(CohortConfig(3, 0.5, 5, seed=2), reader)


@pytest.fixture(scope="module")
def separate() -> CohortReader:
    """Two codebooks of two codes, nothing or the jaw, nothing or a blink: every number occurs at both stages."""
    model = RvqVae(RvqVaeConfig(ACTIONS, codebook_size=2, n_stages=2, shared_codebook=False, decoder="additive"))
    model.quantiser.codebook.data.zero_()
    model.quantiser.codebook.data[0, 1, ACTIONS.index("jawOpen")] = 0.1
    model.quantiser.codebook.data[1, 1, ACTIONS.index("eyeBlinkLeft")] = 0.5
    return CohortReader(model.eval(), CohortConfig(3, 0.5, 5, seed=2), data=DATA[:1], au_sets=("openface17",))


def test_one_number_at_two_stages_is_two_words_where_codebooks_are_separate(separate: CohortReader) -> None:
    assert separate.names("token words") == ["display_0", "display_1", "display_2", "display_3"]
    assert separate.names("token words, binary") == separate.names("token words")
    vectors = cohort_vectors(COHORT, separate).matrices[DATA[0], "all"]["token words"]
    assert vectors.shape == (3, 4)
    np.testing.assert_allclose(np.square(vectors[:, :2]).sum(1), 1)
    np.testing.assert_allclose(np.square(vectors[:, 2:]).sum(1), 1)


def test_the_weight_and_the_card_of_a_word_are_of_its_own_stage(separate: CohortReader) -> None:
    vectors = cohort_vectors(COHORT, separate)
    table = word_weights(vectors.matrices[DATA[0], "all"]["token words"], separate.names("token words"), np.arange(3.0))
    words = [int(word.removeprefix("display_")) for word in table.word]
    assert sorted(words) == [0, 1, 2, 3]
    model = separate.model
    for word, moved in zip(words, model.templates()[words], strict=True):
        stage, token = divmod(word, 2)
        with torch.no_grad():
            alone = model.decode_vectors(model.quantiser.codebook[stage, token][None, None]).numpy()[0]
        np.testing.assert_allclose(model.still() + moved, alone, atol=1e-6)
