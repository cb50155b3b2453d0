import sys

import numpy as np
import onnxruntime
import pytest
import torch

from dfe_lib.errors import UserError
from dfe_lib.io.paths import PROJECT
from dfe_lib.io.tables import read_arrays
from dfe_lib.quantisation.graphs import decoder_graph, encoder_graph, write_onnx
from dfe_lib.quantisation.rvqvae import STUDY_MODEL, RvqVae, RvqVaeConfig

NAMES = tuple(f"c{i}" for i in range(12))


@pytest.fixture(scope="module")
def model() -> RvqVae:
    return RvqVae.from_pretrained(STUDY_MODEL)


@pytest.fixture(scope="module")
def psi() -> torch.Tensor:
    rows = read_arrays(PROJECT / "results" / "study" / "expressions" / "carphone_pristine.parquet", ["psi", "valid"])
    return torch.as_tensor(rows["psi"][rows["valid"]])


@pytest.mark.parametrize(
    ("shared", "decoder", "levels"), [(True, "additive", 1), (False, "joint", 1), (True, "additive", 4)]
)
def test_the_graphs_give_what_the_model_gives(shared: bool, decoder: str, levels: int) -> None:
    config = RvqVaeConfig(NAMES, 16, 3, latent_dim=8, shared_codebook=shared, decoder=decoder, levels=levels)
    model = RvqVae(config, seed=1).eval()
    psi = torch.rand(40, len(NAMES), generator=torch.Generator().manual_seed(0))
    encode, decode = encoder_graph(model).module(), decoder_graph(model).module()
    for frames in (1, 2, 40):
        assert torch.equal(encode(psi[:frames]), model.encode(psi[:frames]))
    torch.testing.assert_close(decode(model.encode(psi)), model.decode(model.encode(psi)))


@pytest.mark.slow
def test_onnx_runtime_gives_the_tokens_and_faces_of_the_study_model(model, psi, tmp_path) -> None:
    write_onnx(model, tmp_path)
    encode, decode = (onnxruntime.InferenceSession(tmp_path / f"{name}.onnx") for name in ("encode", "decode"))
    expected = model.encode(psi).numpy()
    for frames in (1, 2, len(psi)):
        (tokens,) = encode.run(["tokens"], {"psi": psi[:frames].numpy()})
        assert (tokens == expected[:frames]).mean() > 0.995  # a tie may be broken the other way
    (decoded,) = decode.run(["psi"], {"tokens": expected})
    np.testing.assert_allclose(decoded, model.decode(torch.as_tensor(expected)).numpy(), atol=1e-6)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["decode.onnx", "encode.onnx"]


def test_without_the_writer_of_onnx_it_says_what_to_install(model, tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(UserError, match="pip install"):
        write_onnx(model, tmp_path)
