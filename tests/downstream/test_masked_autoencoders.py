import json
from pathlib import Path

import numpy as np
import pytest
import torch

from dfe_lib.downstream.masked_autoencoders import MaskedAutoencoder, pretrained
from dfe_lib.errors import UserError


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    """(48, 64, 64, 3): a bright spot that wanders."""
    rng = np.random.default_rng(0)
    canvas = rng.integers(0, 60, (48, 64, 64, 3), dtype=np.uint8)
    for i, crop in enumerate(canvas):
        crop[10 + i % 16 : 30 + i % 16, 20:40] = 220
    return canvas


@pytest.fixture(scope="module", params=["image", "video"])
def mae(request: pytest.FixtureRequest, crops: np.ndarray) -> MaskedAutoencoder:
    return pretrained(request.param, crops, steps=2)


def test_what_is_written_is_read_back_and_gives_the_same_vectors(
    mae: MaskedAutoencoder, crops: np.ndarray, tmp_path: Path
) -> None:
    vectors = mae.transform([crops[:16], crops[16:48]])
    mae.save_pretrained(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "config.json", "model.safetensors", "preprocessor_config.json"
    }  # fmt: skip
    again = MaskedAutoencoder.from_pretrained(tmp_path)
    assert again.kind == mae.kind
    np.testing.assert_array_equal(again.transform([crops[:16], crops[16:48]]), vectors)
    assert vectors.shape == (2, 16 * 192 if mae.kind == "image" else 16 * 96)
    assert np.abs(vectors[0] - vectors[1]).max() > 1e-4


def test_the_same_seed_gives_the_same_vectors(mae: MaskedAutoencoder, crops: np.ndarray) -> None:
    torch.manual_seed(7)
    state = torch.get_rng_state()
    again = pretrained(mae.kind, crops, steps=2)
    assert torch.equal(torch.get_rng_state(), state)  # the caller's chance is not touched
    np.testing.assert_array_equal(again.transform([crops[:16]]), mae.transform([crops[:16]]))


def test_training_changes_the_weights(mae: MaskedAutoencoder, crops: np.ndarray) -> None:
    trained = pretrained(mae.kind, crops[:16], steps=6)
    before = pretrained(mae.kind, crops[:16], steps=1)
    moved = [
        (after - first).abs().max().item()
        for after, first in zip(trained.network.parameters(), before.network.parameters(), strict=True)
    ]
    assert sorted(moved)[len(moved) // 2] > 1e-3


def test_crops_of_another_size_are_scaled(mae: MaskedAutoencoder, crops: np.ndarray) -> None:
    larger = np.repeat(np.repeat(crops[:16], 2, axis=1), 2, axis=2)
    near = np.abs(mae.transform([larger]) - mae.transform([crops[:16]])).max()
    far = np.abs(mae.transform([crops[:16] // 2]) - mae.transform([crops[:16]])).max()
    assert near < far / 3


def test_an_image_vector_is_the_mean_and_the_spread_over_crops(crops: np.ndarray) -> None:
    mae = pretrained("image", crops, steps=1)
    ones = np.stack([mae.transform([crop[None]])[0, : 16 * 96] for crop in crops[:3]])
    vector = mae.transform([crops[:3]])[0]
    np.testing.assert_allclose(vector, np.r_[ones.mean(0), ones.std(0)], atol=1e-5)


def test_a_part_of_the_vector_belongs_to_a_part_of_the_crop(mae: MaskedAutoencoder, crops: np.ndarray) -> None:
    changed = crops[:16].copy()
    changed[:, :16, 48:] = 255  # the upper right corner: column 3 of row 0 of the grid
    parts = (mae.transform([changed]) - mae.transform([crops[:16]]))[0, : 16 * 96].reshape(96, 16)
    assert np.abs(parts).mean(0).argmax() == 3


def test_a_video_encoder_needs_whole_stretches(crops: np.ndarray) -> None:
    with pytest.raises(UserError, match="15 crops, and the video encoder sees 16"):
        pretrained("video", crops[:15])


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, r"no config\.json"),
        ({"config.json": "{"}, "is no JSON"),
        (
            {"config.json": json.dumps({"model_type": "bert"})},
            "of type bert: a masked autoencoder is vit_mae or videomae",
        ),
        ({"config.json": json.dumps({"model_type": "vit_mae"}), "pytorch_model.bin": ""}, r"no model\.safetensors"),
    ],
)
def test_a_folder_that_is_no_such_model_is_explained(tmp_path: Path, files: dict, sentence: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=sentence):
        MaskedAutoencoder.from_pretrained(tmp_path)


def test_half_of_a_model_is_refused(tmp_path: Path, crops: np.ndarray) -> None:
    from safetensors.torch import load_file, save_file

    pretrained("image", crops, steps=1).save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    save_file(dict(list(weights.items())[:-4]), tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match="lacks 4 weights"):
        MaskedAutoencoder.from_pretrained(tmp_path)


def test_released_weights_with_a_decoder_are_read(tmp_path: Path, crops: np.ndarray) -> None:
    from transformers import ViTMAEConfig, ViTMAEForPreTraining

    config = ViTMAEConfig(image_size=32, patch_size=16, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
                          intermediate_size=16, decoder_hidden_size=16, decoder_num_hidden_layers=1,
                          decoder_num_attention_heads=2, decoder_intermediate_size=16)  # fmt: skip
    whole = ViTMAEForPreTraining(config).eval()
    whole.save_pretrained(tmp_path)
    mae = MaskedAutoencoder.from_pretrained(tmp_path)
    assert mae.grid == 1 and mae.transform([crops[:2]]).shape == (1, 32)
    for name, values in mae.network.state_dict().items():
        assert torch.equal(values, whole.vit.state_dict()[name])
