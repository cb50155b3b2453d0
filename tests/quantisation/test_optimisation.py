import numpy as np
import pytest
import torch
from codebooks import known_model

from dfe_lib.comparison.reconstruction import words_used
from dfe_lib.quantisation.optimisation import History


@pytest.mark.parametrize("shared", [True, False])
def test_the_codebook_is_used_as_the_comparison_says(shared: bool) -> None:
    model = known_model(shared=shared)
    psi = (0.3 * np.random.default_rng(0).random((40, 52))).astype(np.float32)
    row = History(model, psi, psi, np.eye(52), None).add(0, 1.0)
    config, codes = model.config, model.encode(torch.as_tensor(psi)).numpy()
    assert words_used(codes, config.codebook_size, shared) == {name: row[name] for name in ("usage", "perplexity")}
