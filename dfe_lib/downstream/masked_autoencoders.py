"""Frozen masked autoencoders as representations: ViTMAE on single crops of a face, VideoMAE on 16 in a row.

Released weights are read from a folder on disk (safetensors and config.json, as on the Hugging Face hub):

    mae = MaskedAutoencoder.from_pretrained("models/vit-mae-base")
    vectors = recorded_vectors(mae, clips, frames)  # dfe_lib.downstream.picture_vectors

Offline a small one is trained within the study, on crops without labels, and is called small:

    crops = np.concatenate([run_crops(study.frames), *reference_crops])    # (n, 64, 64, 3), of other people
    mae_small = pretrained("image", crops, steps=300)
    videomae_small = pretrained("video", crops, steps=100)                 # 16 crops after another are a stretch
    mae_small.transform(people_crops)                                      # (people, 3072), of 16 crops a person

Nothing is fitted on the people who are compared, so the vectors go through `protocol.fixed_vectors`.
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, UInt8
from sklearn.base import BaseEstimator, TransformerMixin

from ..errors import UserError
from ..io.tables import write_text
from ..tracking.crops import Crops

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["KINDS", "MaskedAutoencoder", "pretrained"]

KINDS = {"vit_mae": "image", "videomae": "video"}
"""What an autoencoder looks at, by the type that its config.json gives."""
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of the pixels of ImageNet, which released weights expect."""
SMALL = {
    "image_size": 64, "patch_size": 8, "hidden_size": 96, "num_hidden_layers": 4, "num_attention_heads": 4,
    "intermediate_size": 192, "decoder_hidden_size": 64, "decoder_num_hidden_layers": 1,
    "decoder_num_attention_heads": 4, "decoder_intermediate_size": 128, "norm_pix_loss": False,
}  # fmt: skip
"""Sizes of the autoencoder that is trained within the study."""
GRID = 4
"""Of the small one: without much training, what a patch shows follows from where it lies."""
MASKED = {"image": 0.75, "video": 0.9}
"""Share of the patches that is hidden while training, after He et al. 2022 and Tong et al. 2022."""
BATCHES = {"image": 32, "video": 4}
LEARNING_RATE = 3e-3


class MaskedAutoencoder(TransformerMixin, BaseEstimator):
    """From the crops of a clip to a vector, by an encoder that is not trained any further.

    The encoder sees whole crops; its patches are averaged within each part of the crop. Of an image encoder, the vector
    is the mean and the standard deviation over the crops; of a video encoder, the mean over the stretches.

    Arguments:
        network: `ViTMAEModel` or `VideoMAEModel`.
        mean, std: of the pixels it expects, for red, green and blue in [0, 1].
        grid: parts of a crop down and across; 1 averages all patches, as is usual for released weights.
        batch: crops or stretches at a time.

    References:
        He et al., "Masked autoencoders are scalable vision learners", CVPR 2022. Tong et al., "VideoMAE", NeurIPS 2022.
    """

    def __init__(
        self,
        network: "PreTrainedModel",
        mean: Sequence[float] = MEAN,
        std: Sequence[float] = STD,
        grid: int = 1,
        batch: int = 32,
    ):
        self.network = network
        self.mean = mean
        self.std = std
        self.grid = grid
        self.batch = batch

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike) -> "MaskedAutoencoder":
        """Reads an encoder from a folder; nothing is downloaded and no pickle is opened.

        Raises:
            UserError: There is no such folder, it holds another kind of model, no safetensors, or too few weights.
        """
        folder = Path(folder)
        kind = _kind(folder)
        if not list(folder.glob("*.safetensors")):
            raise UserError(f"{folder} holds no model.safetensors (a .bin file is a pickle, which is not opened).")
        encoder = _classes(kind)[1]
        with _quiet():
            network, report = encoder.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, output_loading_info=True
            )
        if report["missing_keys"]:
            lost = sorted(report["missing_keys"])
            raise UserError(f"{folder} lacks {len(lost)} weights, such as {lost[0]}: download the whole model.")
        described = _read_json(folder / "preprocessor_config.json")
        mean, std = described.get("image_mean", MEAN), described.get("image_std", STD)
        return cls(network.eval(), mean, std, described.get("grid", 1))

    def save_pretrained(self, folder: str | os.PathLike) -> None:
        """Writes the encoder as `from_pretrained` reads it."""
        with _quiet():
            self.network.save_pretrained(folder)
        described = {"image_mean": list(self.mean), "image_std": list(self.std), "grid": self.grid}
        write_text(Path(folder) / "preprocessor_config.json", json.dumps(described, indent=2) + "\n")

    @property
    def kind(self) -> str:
        """`"image"` or `"video"`."""
        return KINDS[self.network.config.model_type]

    def fit(self, X: Sequence[Crops], y: object = None) -> "MaskedAutoencoder":
        """Does nothing: the encoder stays as it is."""
        return self

    def transform(self, X: Sequence[Crops]) -> Float[np.ndarray, "clips d"]:
        """(clips, 2 x grid2 x width) of an image encoder, (clips, grid2 x width) of a video encoder.

        Raises:
            UserError: A clip has fewer crops than the encoder sees at a time.
        """
        return np.stack([self._vector(crops) for crops in X])

    def _vector(self, crops: Crops) -> Float[np.ndarray, " d"]:
        units = _stretches(crops, self.network.config.num_frames) if self.kind == "video" else crops
        if not len(units):
            raise UserError("a clip has no crop of a face: leave it out.")
        encoded = np.concatenate([self._encoded(units[i : i + self.batch]) for i in range(0, len(units), self.batch)])
        mean = encoded.mean(0)
        return mean if self.kind == "video" else np.concatenate([mean, encoded.std(0)])

    @torch.no_grad()
    def _encoded(self, units: UInt8[np.ndarray, "b ..."]) -> Float[np.ndarray, "b d"]:
        config = self.network.config
        pixels = _pixels(units, config.image_size, self.mean, self.std)
        if self.kind == "video":
            return self._parts(self.network(pixels).last_hidden_state)
        config.mask_ratio = 0.0
        # patches are put in the order of the noise: this one leaves them where they are
        noise = torch.arange(_patches(config)).float().expand(len(pixels), -1)
        return self._parts(self.network(pixels, noise=noise).last_hidden_state[:, 1:])

    def _parts(self, patches: torch.Tensor) -> Float[np.ndarray, "b d"]:
        """Means over each part of the crop, and over time."""
        side = self.network.config.image_size // self.network.config.patch_size
        maps = patches.unflatten(1, (-1, side, side)).mean(1).movedim(-1, 1)
        return torch.nn.functional.adaptive_avg_pool2d(maps, self.grid).flatten(1).numpy().astype(float)


def pretrained(kind: str, crops: Crops, steps: int = 300, seed: int = 0) -> MaskedAutoencoder:
    """A small masked autoencoder trained on crops without labels, mirrored and moved a little at random.

    Arguments:
        kind: `"image"`, or `"video"`, for which each 16 crops after another are a stretch of one clip.
        crops: (n, s, s, 3), s at least 64.
        steps: of AdamW, on 32 crops or 4 stretches.
        seed: of weights, order and masks.

    Raises:
        UserError: Another kind, or too few crops.
    """
    if kind not in BATCHES:
        raise UserError(f"an autoencoder is of kind 'image' or 'video', not {kind!r}.")
    model, encoder = _classes(next(name for name, each in KINDS.items() if each == kind))
    with torch.random.fork_rng(devices=[]), _quiet():
        torch.manual_seed(seed)
        network = model(model.config_class(**SMALL))
        units = _stretches(crops, network.config.num_frames) if kind == "video" else crops
        if not len(units):
            raise UserError("there are no crops of faces to train a masked autoencoder on.")
        _train(network, kind, units, steps, torch.Generator().manual_seed(seed))
        small = encoder(network.config) if kind == "video" else network.vit
        if kind == "video":
            small.load_state_dict(network.videomae.state_dict())
    return MaskedAutoencoder(small.eval(), grid=GRID)


def _train(
    network: "PreTrainedModel",
    kind: str,
    units: UInt8[np.ndarray, "n ..."],
    steps: int,
    random: torch.Generator,
) -> None:
    network.train()
    pixels = torch.as_tensor(units)
    optimiser = torch.optim.AdamW(network.parameters(), LEARNING_RATE, betas=(0.9, 0.95), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=steps, pct_start=0.1)
    for _ in range(steps):
        chosen = torch.randint(len(pixels), (BATCHES[kind],), generator=random)
        batch = _varied(pixels[chosen], random)
        loss = network(_pixels(batch.numpy(), SMALL["image_size"], MEAN, STD), **_mask(kind, network, random)).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()


def _mask(kind: str, network: "PreTrainedModel", random: torch.Generator) -> dict[str, torch.Tensor]:
    """Which patches are hidden; of a stretch, the same ones in every frame."""
    count = _patches(network.config)
    noise = torch.rand((BATCHES[kind], count), generator=random)
    if kind == "image":
        return {"noise": noise}
    hidden = noise.argsort(1).argsort(1) < round(MASKED[kind] * count)
    return {"bool_masked_pos": hidden.repeat(1, network.config.num_frames // network.config.tubelet_size)}


def _varied(batch: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Each unit mirrored or not, and moved by up to four pixels."""
    mirrored = torch.rand(len(batch), generator=random) < 0.5
    moves = torch.randint(-4, 5, (len(batch), 2), generator=random).tolist()
    moved = [torch.roll(unit, (y, x), (-3, -2)) for unit, (y, x) in zip(batch, moves, strict=True)]
    return torch.stack([unit.flip(-2) if flip else unit for unit, flip in zip(moved, mirrored, strict=True)])


def _pixels(
    units: UInt8[np.ndarray, "b ... 3"], size: int, mean: Sequence[float], std: Sequence[float]
) -> torch.Tensor:
    """(b, 3, s, s) or (b, f, 3, s, s), as the encoder expects them."""
    flat = torch.as_tensor(units.reshape(-1, *units.shape[-3:])).permute(0, 3, 1, 2).float() / 255
    if flat.shape[-1] != size:
        flat = torch.nn.functional.interpolate(flat, size=(size, size), mode="bilinear", antialias=True)
    scaled = (flat - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    return scaled.reshape(*units.shape[:-3], 3, size, size)


def _stretches(crops: Crops, n_frames: int) -> UInt8[np.ndarray, "k f s s 3"]:
    whole = len(crops) // n_frames
    if not whole:
        raise UserError(
            f"a clip has {len(crops)} crops, and the video encoder sees {n_frames}: take more of each clip."
        )
    return crops[: whole * n_frames].reshape(whole, n_frames, *crops.shape[1:])


def _patches(config: object) -> int:
    return (config.image_size // config.patch_size) ** 2  # type: ignore[attr-defined]


def _kind(folder: Path) -> str:
    if not (folder / "config.json").is_file():
        raise UserError(f"{folder} has no config.json: give the folder of a ViTMAE or VideoMAE model on disk.")
    kind = _read_json(folder / "config.json").get("model_type")
    if kind not in KINDS:
        raise UserError(f"{folder} holds a model of type {kind}: a masked autoencoder is {' or '.join(KINDS)}.")
    return kind


def _read_json(path: Path) -> dict:
    try:
        return json.loads(path.read_text()) if path.is_file() else {}
    except ValueError:
        raise UserError(f"{path} is no JSON: download it again.") from None


def _classes(kind: str) -> tuple:
    """The classes with and without the decoder; imported here, because it takes seconds."""
    import transformers

    if kind == "videomae":
        return transformers.VideoMAEForPreTraining, transformers.VideoMAEModel
    return transformers.ViTMAEForPreTraining, transformers.ViTMAEModel


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the progress bars and advice that transformers prints."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
