import numpy as np
import pandas as pd
import pytest
from codebooks import known_model, strong_model, write_tokens

from dfe_lib.downstream.bag_of_words import BagOfWords, token_windows
from dfe_lib.downstream.people_words import word_table
from dfe_lib.errors import UserError
from dfe_lib.io.tables import REAL, SIMULATED, read_arrays
from dfe_lib.quantisation import counts
from dfe_lib.quantisation.counts import count_tokens
from dfe_lib.quantisation.lexicon import lexicon_of
from dfe_lib.quantisation.metrics import usage_table


@pytest.fixture
def tables(tmp_path):
    rng = np.random.default_rng(0)
    parts = [rng.integers(0, 10, (300, 3)).tolist() + [[-1, -1, -1]] * 20 for _ in range(3)]
    kinds = (REAL, SIMULATED, REAL)
    return [write_tokens(tmp_path / f"{i}.parquet", each, kinds[i]) for i, each in enumerate(parts)]


@pytest.mark.parametrize("shared", [True, False])
def test_usage_is_that_of_all_tokens_in_memory(tables, shared, monkeypatch):
    monkeypatch.setattr(counts, "ROWS", 70)
    model = known_model(shared=shared)
    found = count_tokens(tables, model, by=("data",)).usage(model)
    rows = [read_arrays(path, ["tokens", "valid"]) for path in (tables[0], tables[2])]
    codes = np.concatenate([each["tokens"][each["valid"]] for each in rows])
    expected = usage_table(codes, 10, shared)
    pd.testing.assert_frame_equal(found[found.data == REAL].drop(columns="data").reset_index(drop=True), expected)


@pytest.mark.parametrize("vocabulary", ["displays", "codes", "groups"])
def test_words_by_clip_are_the_bag_of_words(tmp_path, vocabulary):
    rng, model = np.random.default_rng(1), strong_model()
    paths = [write_tokens(tmp_path / f"{i}.parquet", rng.integers(0, 40, (90, 3)).tolist(), REAL) for i in range(3)]
    table = word_table(paths, model, ("clip_id",), vocabulary)
    bag = BagOfWords(lexicon_of(model), vocabulary)
    expected = bag.fit_transform(token_windows(paths, model).tokens)
    np.testing.assert_allclose(table[bag.get_feature_names_out()], expected, atol=1e-12)
    assert table.clip_id.tolist() == ["0", "1", "2"] and table.frames.tolist() == [90] * 3


def test_a_person_of_two_clips_is_one_row_and_others_are_refused(tables):
    model = known_model()
    assert len(word_table([*tables, tables[0]], model)) == 3
    assert count_tokens([*tables, tables[0]], model, by=()).index.frames.tolist() == [1200]
    with pytest.raises(UserError, match="not of this model"):
        count_tokens(tables, known_model(codes=5))
    with pytest.raises(UserError, match="not by 'frame'"):
        count_tokens(tables, model, by=("frame",))
    with pytest.raises(UserError, match="no frame"):
        count_tokens([], model)
