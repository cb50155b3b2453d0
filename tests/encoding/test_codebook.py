import numpy as np
import pytest
import torch
from codebooks import strong_model

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.encoding.codebook import FrameWords, codebook_table, codebook_words
from dfe_lib.encoding.columns import COLUMNS, data_dictionary
from dfe_lib.encoding.settings import DEFAULT_GROUPS, GROUPS, Settings
from dfe_lib.errors import UserError
from dfe_lib.morphable.anny import anny_head
from dfe_lib.morphable.phrases import movements, sentence
from dfe_lib.quantisation.rvqvae import STUDY_MODEL, RvqVae, RvqVaeConfig
from dfe_lib.quantisation.tokens import decoded


@pytest.fixture(scope="module")
def study() -> RvqVae:
    return RvqVae.from_pretrained(STUDY_MODEL)


def test_a_row_a_token_says_what_it_does(study) -> None:
    table = codebook_table(study, anny_head())
    assert table.token.tolist() == list(range(256)) and set(table.place) == {"any"}
    changes = study.templates()
    sizes = np.sqrt(np.einsum("ki,ij,kj->k", changes, anny_head().gram(), changes))
    np.testing.assert_allclose(table.mm, sizes, atol=1e-3)
    largest = table.loc[table.mm.idxmax()]
    assert " mm" in largest.words and largest.action_units.startswith("AU") and largest.region


def test_codebooks_of_their_own_are_rows_of_their_own() -> None:
    model = RvqVae(RvqVaeConfig(ACTIONS, codebook_size=4, n_stages=2, shared_codebook=False))
    table = codebook_table(model, anny_head())
    assert table[["place", "token"]].to_numpy().tolist() == [[str(place), k] for place in (1, 2) for k in range(4)]


def test_a_token_says_its_display_its_level_and_its_millimetres() -> None:
    table = codebook_table(strong_model(), anny_head()).set_index("token")
    assert table.words[0] == "At rest" and table.strength[0] == 0
    assert table.loc[4:7, "display"].tolist() == [1] * 4 and table.loc[4:7, "level"].tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(table.loc[4:7, "mm"], table.mm[7] * np.array([0.25, 0.5, 0.75, 1]), atol=2e-3)
    assert table.words[6].startswith("Mouth opens ") and table.words[6].endswith(" mm, level C of D")
    assert codebook_words(strong_model(), anny_head())[0][6] == table.words[6]


def test_a_frames_words_are_of_the_sum_of_its_tokens(study) -> None:
    words = FrameWords(study, anny_head())
    tokens = study.encode(torch.tensor(np.eye(52, dtype=np.float32)[[ACTIONS.index("jawOpen")] * 2] * 0.6))
    one, same = words(tokens.numpy())
    assert one == same and "outh opens" in one
    assert FrameWords(study, None)(tokens.numpy()) == ["", ""]


def test_where_the_eyes_look_is_left_out_of_a_frames_words(study) -> None:
    tokens = np.random.default_rng(0).integers(0, 256, (300, 4))
    spoken = [sentence(found, 3) for found in movements(anny_head(), decoded(study, tokens).astype(float))]
    assert any("aze " in each for each in spoken)
    assert not any("aze " in each for each in FrameWords(study, anny_head())(tokens))


def test_every_group_has_columns_and_every_column_a_group() -> None:
    assert {each.group for each in COLUMNS} == {"key", "tokens", *GROUPS}
    assert len(data_dictionary(4, ACTIONS, DEFAULT_GROUPS)) <= 50
    with pytest.raises(UserError, match="did you mean pose"):
        Settings(groups=("poze",))
    with pytest.raises(UserError, match="no part of a clip"):
        Settings(start_s=3.0, end_s=2.0)
