import numpy as np
import pytest
from codebooks import MOVES, known_model, strong_model

from dfe_lib.errors import UserError
from dfe_lib.quantisation.lexicon import Lexicon, lexicon_of, word_templates
from dfe_lib.quantisation.rvqvae import STUDY_MODEL, RvqVae, RvqVaeConfig


def test_a_token_is_the_word_of_its_display_and_the_rest_token_none() -> None:
    model = strong_model()
    lexicon = lexicon_of(model)
    codes = np.arange(40)
    np.testing.assert_array_equal(lexicon.words(codes)[1:], model.displays(codes[:, None])[1:, 0])
    assert lexicon.words(codes)[0] == -1 and lexicon.levels == 4
    assert [lexicon.label(code) for code in (0, 1, 7, 12)] == ["at rest", "0 B", "1 D", "3 A"]
    np.testing.assert_array_equal(lexicon.strength.reshape(10, 4), model.strengths())


def test_every_codebook_has_a_rest_token_of_its_own() -> None:
    model = RvqVae(RvqVaeConfig(("jawOpen",), codebook_size=8, n_stages=2, levels=4, shared_codebook=False))
    lexicon = lexicon_of(model)
    assert lexicon.words(model.words(np.array([[0, 0], [7, 7], [1, 4]]))).tolist() == [[-1, -1], [1, 3], [0, 3]]
    assert lexicon.size("displays") == 4 and lexicon.size("codes") == 16


def test_displays_alike_are_of_one_group_and_opposites_are_not() -> None:
    """Eight displays along two movements and against one of them."""
    model = RvqVae(RvqVaeConfig(("jawOpen", "jawLeft"), codebook_size=24, n_stages=2, latent_dim=2))
    ways = np.repeat([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]], 8, 0) + np.random.default_rng(0).normal(0, 0.05, (24, 2))
    model.quantiser.codebook.data[0] = model.quantiser.codebook.new_tensor(ways * np.linspace(0.3, 2, 24)[:, None])
    lexicon = lexicon_of(model)
    assert lexicon.size("groups") == 6
    of = [set(lexicon.group[8 * k : 8 * k + 8]) for k in range(3)]
    assert not of[0] & of[1] and not of[1] & of[2] and not of[0] & of[2]
    assert lexicon.group[0] == 0 and (np.diff(np.unique(lexicon.group, return_index=True)[1]) > 0).all()


def test_twins_of_separate_codebooks_are_of_one_group() -> None:
    group = lexicon_of(known_model(shared=False)).group.reshape(3, len(MOVES))
    assert (group[1:, 1:] == group[0, 1:]).all()  # the first of each does nothing, and is like no other


def test_the_groups_are_those_of_the_model_alone() -> None:
    model = RvqVae.from_pretrained(STUDY_MODEL)
    one, again = lexicon_of(model), lexicon_of(RvqVae.from_pretrained(STUDY_MODEL))
    np.testing.assert_array_equal(one.group, again.group)
    assert one.size("groups") == 16 and np.bincount(one.group).min() >= 1


def test_few_people_bear_few_words() -> None:
    lexicon = Lexicon(np.arange(256) // 4, np.arange(256) // 16, np.ones(256))
    chosen = [lexicon.finest(people) for people in (3, 16, 63, 64, 255, 256, 2000)]
    assert chosen == ["groups"] * 3 + ["displays"] * 2 + ["codes"] * 2


def test_a_word_is_shown_by_its_own_template() -> None:
    model = strong_model()
    lexicon, displays = lexicon_of(model), model.display_templates()
    found = word_templates(model, ["display_3", "token_13", "group_0"])
    np.testing.assert_array_equal(found[0], displays[3])
    np.testing.assert_allclose(found[1], displays[3] * model.strengths()[3, 1], atol=1e-6)
    np.testing.assert_allclose(found[2], displays[lexicon.group[::4] == 0].mean(0))


def test_tokens_of_another_model_and_words_that_there_are_not_are_refused() -> None:
    lexicon = lexicon_of(strong_model())
    with pytest.raises(UserError, match="not of this model"):
        lexicon.words(np.array([40]))
    with pytest.raises(UserError, match="vocabulary must be"):
        lexicon.words(np.array([1]), "letters")
