"""The RVQ-VAE: an expression vector psi to a few tokens of one codebook, and back."""

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from .. import __version__
from ..blendshapes import ACTIONS
from ..blocks import BlockLinear, whole_blocks
from ..errors import UserError
from ..io.tables import atomic_path, write_text
from ..io.thread_pool import in_threads
from .quantiser import ResidualQuantiser, Tables
from .reader import CoefficientReader, ReaderTables, perceptron
from .remembered import Remembered

__all__ = ["STUDY_MODEL", "RvqVae", "RvqVaeConfig", "RvqVaeOutput"]

STUDY_MODEL = Path(__file__).parent / "data" / "study_model"
"""The model that the study trained; in a checkout a link to `results/study/model`, in a wheel a copy of it."""

FORMAT = 1
BLOCK = 32
"""Frames of one matrix product at inference: every product has this size, so that a frame's codes do not depend on its
batch, and it is small, so that a frame alone costs little."""
CHUNK = 1024
"""Frames of one pass at most: what is done row by row costs less for many rows at once."""
LARGEST = {"codebook_size": 32768, "n_stages": 64, "beam": 256, "depth": 64, "heads": 256, "queries": 256}
"""Sizes beyond which the search takes hours or the memory of several machines; of those not named, 4096."""


@dataclass(frozen=True)
class RvqVaeConfig:
    """Shape of an :class:`RvqVae`.

    Arguments:
        coefficients: Names of the E coefficients of psi, in order.
        codebook_size: Number K of codes, 2 to 32768 (a token is an int16); so many in all codebooks together.
        n_stages: Number M of tokens a frame, at most 64.
        latent_dim: Length D of latent and code vectors; below E, the mesh metric's largest directions are kept.
        encoder: What corrects the linear code of psi: `"transformer"` reads the coefficients as a sequence, `"mlp"` as
            one vector, `"linear"` corrects nothing.
        width: Width of the encoder's transformer; a multiple of `heads`.
        depth: Transformer blocks.
        heads: Attention heads.
        queries: Summary vectors that read the sequence of coefficients.
        decoder_width: Hidden units of the decoder.
        shared_codebook: One codebook for all stages, or one each.
        decoder: `"joint"` decodes the sum of the codes, `"additive"` adds up what each code decodes to.
        beam: Partial sums that the code search keeps.
        bounds: Least and largest value of a coefficient; None: 0 and 1 for ARKit's actions, any value for others.
        levels: Number L of strengths of a display: the K codes are K / L displays at L strengths each, and
            token = display L + level, weakest first; token 0 is then a face at rest. With 1 each code is a display.
        metric: What a code is learnt in: `"mm"`, every mm2 of the face alike, or `"balanced"`, every region alike.
        region_weights: Weight of each region of the balanced metric; training notes them here.
    """

    coefficients: tuple[str, ...]
    codebook_size: int = 256
    n_stages: int = 4
    latent_dim: int = 64
    encoder: str = "transformer"
    width: int = 32
    depth: int = 1
    heads: int = 2
    queries: int = 2
    decoder_width: int = 256
    shared_codebook: bool = True
    decoder: str = "joint"
    beam: int = 5
    bounds: tuple[float, float] | None = None
    levels: int = 1
    metric: str = "mm"
    region_weights: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        if self.bounds is None and self.coefficients == ACTIONS:
            object.__setattr__(self, "bounds", (0.0, 1.0))
        if self.bounds is not None and not (len(self.bounds) == 2 and self.bounds[0] < self.bounds[1]):
            raise UserError(f"bounds must be the least and the largest value of a coefficient, not {self.bounds}.")
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type is int and (type(value) is not int or value < 1):
                raise UserError(f"{field.name} must be a whole number of at least 1, not {value!r}.")
            if field.type is int and value > LARGEST.get(field.name, 4096):
                raise UserError(f"{field.name} must be at most {LARGEST.get(field.name, 4096)}, not {value}.")
        if not self.coefficients or not all(isinstance(name, str) for name in self.coefficients):
            raise UserError("coefficients must be the names of the expression coefficients, at least one.")
        if len(self.coefficients) > 4096:
            raise UserError(f"coefficients must be at most 4096 names, not {len(self.coefficients)}.")
        if len(set(self.coefficients)) < len(self.coefficients):
            raise UserError("coefficients has a name twice; give each expression coefficient its own name.")
        if not 2 <= self.codebook_size <= 32768:
            raise UserError(f"codebook_size must be 2 to 32768, not {self.codebook_size}.")
        if self.codebook_size * (1 if self.shared_codebook else self.n_stages) > LARGEST["codebook_size"]:
            raise UserError(f"{self.n_stages} codebooks of {self.codebook_size} codes are more than 32768 codes.")
        if self.codebook_size % self.levels:
            raise UserError(f"codebook_size ({self.codebook_size}) must be a multiple of levels ({self.levels}).")
        if self.n_stages * self.beam > 1024:
            raise UserError(f"n_stages ({self.n_stages}) times beam ({self.beam}) must be at most 1024.")
        if self.width % self.heads:
            raise UserError(f"width ({self.width}) must be a multiple of heads ({self.heads}).")
        if self.encoder not in ("transformer", "mlp", "linear"):
            raise UserError(f"encoder must be 'transformer', 'mlp' or 'linear', not {self.encoder!r}.")
        if self.decoder not in ("joint", "additive"):
            raise UserError(f"decoder must be 'joint' or 'additive', not {self.decoder!r}.")
        if self.metric not in ("mm", "balanced"):
            raise UserError(f"metric must be 'mm' or 'balanced', not {self.metric!r}.")
        if not all(_is_weight(pair) for pair in self.region_weights):
            raise UserError("region_weights must be pairs of a region's name and a positive number.")
        if type(self.shared_codebook) is not bool:
            raise UserError(f"shared_codebook must be true or false, not {self.shared_codebook!r}.")

    @property
    def linear(self) -> bool:
        """Does a token decode to its vector times a matrix? Where strengths count, or half of a display is not half."""
        return self.decoder == "additive" and self.levels > 1

    @property
    def bits(self) -> int:
        """Whole bits of a frame's tokens."""
        return round(self.n_stages * math.log2(self.codebook_size))


@dataclass(frozen=True)
class RvqVaeOutput:
    """What one pass gives: psi decoded (B, E), latent (B, D), its quantised value (B, D), codes (B, M)."""

    psi: Float[Tensor, "b e"]
    latent: Float[Tensor, "b d"]
    quantised: Float[Tensor, "b d"]
    codes: Int[Tensor, "b m"]


def _reader(n_coefficients: int, config: RvqVaeConfig) -> nn.Module | None:
    if config.encoder == "transformer":
        return CoefficientReader(n_coefficients, config.width, config.depth, config.heads, config.queries)
    if config.encoder == "linear":
        return None
    return perceptron(n_coefficients, config.decoder_width, config.queries * config.width)


class RvqVae(nn.Module):
    r"""psi -> transformer -> latent -> M codes of one codebook -> decoder -> psi.

    With the standardised $x = (\psi - \mu) / \sigma$, the latent is $z = A (\psi - \mu) + T(x)$, and a sum of codes
    $\hat z$ decodes to $\hat\psi = \mu + B \hat z + D(\hat z)$ (joint) or $\mu + \sum_m B c_m + D(c_m)$ (additive).
    Training starts A and B at the whitening of the mesh metric and its inverse, and T and D at zero: the start is the
    classical residual quantiser, and training can only be judged by what it adds. The mesh itself is no part of the
    model.

    Arguments:
        config: Shape of the model.
        seed: Seed of its initial weights; the caller's random state stays as it was.

    >>> model = RvqVae(RvqVaeConfig(("jawOpen", "jawLeft"), codebook_size=8, n_stages=2))
    >>> model.encode(torch.rand(5, 2)).shape
    torch.Size([5, 2])
    """

    mean: Tensor
    scale: Tensor
    varies: Tensor

    def __init__(self, config: RvqVaeConfig, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        n_coefficients, dim = len(config.coefficients), config.latent_dim
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.reader = _reader(n_coefficients, config)
            self.to_latent = BlockLinear(config.queries * config.width, dim) if self.reader is not None else None
            layers = [nn.Linear(dim, config.decoder_width), nn.Linear(config.decoder_width, config.decoder_width)]
            last = nn.Linear(config.decoder_width, n_coefficients)
            mlp = nn.Sequential(layers[0], nn.GELU(), layers[1], nn.GELU(), last)
            self.mlp = None if config.linear else mlp
            self.analysis = nn.Parameter(torch.eye(dim, n_coefficients))
            self.synthesis = nn.Parameter(torch.eye(n_coefficients, dim))
            self.quantiser = ResidualQuantiser(
                dim, config.codebook_size, config.n_stages, config.shared_codebook, config.beam, config.levels
            )
            self.quantiser.codebook.data.normal_()
        self._remembered: Remembered[tuple[ReaderTables | None, Tables]] = Remembered()
        self._changes: Remembered[Tensor] = Remembered()
        for layer in filter(None, (self.to_latent, last)):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.register_buffer("mean", torch.zeros(n_coefficients))
        self.register_buffer("scale", torch.ones(n_coefficients))
        self.register_buffer("varies", torch.ones(n_coefficients))

    def latent(self, psi: Float[Tensor, "b e"]) -> Float[Tensor, "b d"]:
        """Latent of psi, before quantisation."""
        return self._latent(psi[None], self._reader_tables())[0]

    def _reader_tables(self) -> ReaderTables | None:
        return self.reader.tables() if isinstance(self.reader, CoefficientReader) else None

    def _latent(self, psi: Float[Tensor, "n b e"], tables: ReaderTables | None) -> Float[Tensor, "n b d"]:
        """Latent of blocks of b frames."""
        centred = psi - self.mean
        analysis = self.analysis.T.expand(len(psi), -1, -1)
        if self.reader is None or self.to_latent is None:
            return torch.bmm(centred, analysis)
        x = centred / self.scale
        read = self.reader(x) if tables is None else self.reader(x, tables)
        return torch.baddbmm(self.to_latent(read), centred, analysis)

    def decode_vectors(self, vectors: Float[Tensor, "b m d"]) -> Float[Tensor, "b e"]:
        """psi from code vectors; none (M = 0) gives the face that no token moves."""
        if self.config.decoder == "joint":
            return self.mean + self._decoded(vectors.sum(1))
        still = self._decoded(vectors.new_zeros(1, self.config.latent_dim))
        return self.mean + (self._decoded(vectors) - still).sum(1)

    def forward(self, psi: Float[Tensor, "b e"]) -> RvqVaeOutput:
        """One pass; the encoder has its gradient straight through the quantiser, the codebook through the decoder."""
        latent = self.latent(psi)
        codes = self.quantiser.search(latent.detach())
        vectors = self.quantiser.lookup(codes)
        through = (latent - latent.detach())[:, None] / codes.shape[1]
        return RvqVaeOutput(self.decode_vectors(vectors + through), latent, vectors.sum(1), codes)

    @torch.no_grad()
    def encode(self, psi: Float[Tensor, "b e"]) -> Int[Tensor, "b m"]:
        """Tokens of each frame (B, M), int64; the same for a frame whatever the batch it comes in."""
        if psi.ndim != 2 or psi.shape[1] != len(self.config.coefficients):
            expected = len(self.config.coefficients)
            raise UserError(f"This model reads rows of {expected} coefficients, not an array of {tuple(psi.shape)}.")
        reader, search = self._tables()

        def codes(rows: Tensor) -> Tensor:
            costs = self.quantiser.costs(self._latent(_blocks(rows), reader), search)
            return self.quantiser.best(costs.flatten(0, 1)[: len(rows)], search)

        return _in_chunks(codes, psi.to(self.mean))

    def _tables(self) -> tuple[ReaderTables | None, Tables]:
        """What encoding needs of the weights; kept while the model is in eval mode and they stay the same."""
        weights = [self.quantiser.codebook, self.quantiser.strength]
        if isinstance(self.reader, CoefficientReader):
            weights += self.reader.embedded

        def made() -> tuple[ReaderTables | None, Tables]:
            return self._reader_tables(), self.quantiser.tables(self.mean.dtype)

        return made() if self.training else self._remembered(weights, made)

    @torch.no_grad()
    def decode(self, codes: Int[Tensor, "b m"]) -> Float[Tensor, "b e"]:
        """psi (B, E) from tokens; fewer columns than stages decode the first stages alone, none the still face."""
        if not codes.shape[1]:
            return self.decode_vectors(self.mean.new_zeros(len(codes), 0, self.config.latent_dim))

        def psi(rows: Tensor) -> Tensor:
            blocks = [self.decode_vectors(self.quantiser.lookup(block)) for block in _blocks(rows)]
            return torch.cat(blocks)[: len(rows)]

        summed = self.config.decoder == "additive" and not self.training and codes.shape[1] == self.config.n_stages
        return _in_chunks(self._summed if summed else psi, codes.to(self.mean.device))

    def _summed(self, codes: Int[Tensor, "b m"]) -> Tensor:
        """psi of frames as the still face and the sum of what each of their tokens changes, out of a table."""
        weights = [*self.parameters(), self.varies, self.quantiser.strength]
        changes = self._changes(weights, self._change_table)
        rows = codes if self.config.shared_codebook else codes + self._first_words.to(codes)
        return self.mean + nn.functional.embedding_bag(rows, changes, mode="sum")

    def _change_table(self) -> Float[Tensor, "w e"]:
        """The same as :meth:`template_changes`, in products of the size of a block: digits depend on it."""
        vectors = self.quantiser.codes.flatten(0, 1)
        blocks = vectors[whole_blocks(len(vectors), vectors.device, BLOCK * self.config.n_stages)]
        still = self._decoded(vectors.new_zeros(1, self.config.latent_dim))
        changes = [self._decoded(block) - still for block in blocks.split(BLOCK * self.config.n_stages)]
        return torch.cat(changes)[: len(vectors)]

    def words(self, tokens: Int[np.ndarray, "*b m"]) -> Int[np.ndarray, "*b m"]:
        """The word that each token (..., M) is: its row in :meth:`templates`.

        A shared codebook's tokens are the words; of separate ones, token k of stage m is word m K + k, so that one
        number at two stages is two words. Fewer columns than stages are the first stages.

        >>> model = RvqVae(RvqVaeConfig(("jawOpen",), codebook_size=8, n_stages=2, shared_codebook=False))
        >>> model.words(np.array([[7, 7], [0, 1]])).tolist()
        [[7, 15], [0, 9]]
        """
        first = 0 if self.config.shared_codebook else self._first_words[: tokens.shape[-1]].numpy()
        return tokens.astype(np.int64) + first

    @property
    def _first_words(self) -> Int[Tensor, " m"]:
        """Of separate codebooks, the word that token 0 of each stage is."""
        return self.config.codebook_size * torch.arange(self.config.n_stages)

    def displays(self, tokens: Int[np.ndarray, "*b m"]) -> Int[np.ndarray, "*b m"]:
        """The display that each token (..., M) shows: its row in :meth:`display_templates`.

        >>> model = RvqVae(RvqVaeConfig(("jawOpen",), codebook_size=8, n_stages=2, levels=4))
        >>> model.displays(np.array([[7, 1]])).tolist(), model.levels_of(np.array([[7, 1]])).tolist()
        ([[1, 0]], [[3, 1]])
        """
        return self.words(tokens) // self.config.levels

    def levels_of(self, tokens: Int[np.ndarray, "*b m"]) -> Int[np.ndarray, "*b m"]:
        """The level of strength of each token (..., M), from 0, the weakest."""
        return tokens.astype(np.int64) % self.config.levels

    def strengths(self) -> Float[np.ndarray, "n l"]:
        """Strength of each level of each display, as a share of its top level; rising, 0 only for a face at rest."""
        return self.quantiser.strength.flatten(0, 1).cpu().numpy().astype(float)

    def display_templates(self) -> Float[np.ndarray, "n e"]:
        """Change of psi that each display (see :meth:`displays`) makes alone at its top level."""
        return self.templates()[self.config.levels - 1 :: self.config.levels]

    @torch.no_grad()
    def still(self) -> Float[np.ndarray, " e"]:
        """psi of the face that no token moves."""
        return self.decode(torch.zeros(1, 0, dtype=torch.long))[0].cpu().numpy().astype(float)

    @torch.no_grad()
    def templates(self) -> Float[np.ndarray, "w e"]:
        r"""Change of psi that each word (see :meth:`words`) makes alone, $\hat\psi(c_w) - \hat\psi(\emptyset)$.

        With the additive decoder the change is the same in every company, and a frame is the sum of its templates and
        the still face; with the joint decoder it is the token's effect on the still face.
        """
        return self.template_changes().cpu().numpy().astype(float)

    def template_changes(self) -> Float[Tensor, "w e"]:
        """The same as :meth:`templates`, with its gradient."""
        vectors = self.quantiser.codes.flatten(0, 1)[:, None]
        still = self.decode_vectors(vectors.new_zeros(1, 0, vectors.shape[2]))
        return self.decode_vectors(vectors) - still

    def save_pretrained(self, folder: str | Path) -> None:
        """Writes model.safetensors and config.json, each whole or not at all; no mesh is in them."""
        folder = Path(folder)
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in self.state_dict().items()}
        weights = save(state)
        with atomic_path(folder / "model.safetensors") as partial:
            partial.write_bytes(weights)
        config = {"format": FORMAT, "model": "RvqVae", "library": __version__, **asdict(self.config)}
        config["weights_sha256"] = hashlib.sha256(weights).hexdigest()
        write_text(folder / "config.json", json.dumps(config, indent=2) + "\n")

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> "RvqVae":
        """Reads what :meth:`save_pretrained` wrote; raises `UserError` for anything else."""
        folder = Path(folder)
        config, sha256 = _read_config(folder)
        weights = _read_weights(folder / "model.safetensors", sha256)
        with torch.device("meta"):  # takes no memory, whatever the sizes
            wanted = {name: (value.shape, value.dtype) for name, value in cls(config).state_dict().items()}
        if wanted != {name: (value.shape, value.dtype) for name, value in weights.items()}:
            raise UserError(f"The weights in {folder} do not fit their config.json; train or copy it again.")
        model = cls(config)
        model.load_state_dict(weights)
        if not (model.quantiser.strength.amin() >= 0 and (model.quantiser.strength.diff(dim=2) >= 0).all()):
            raise UserError(f"The strengths in {folder} do not rise from 0; train or copy the model again.")
        return model.eval()

    def _decoded(self, vector: Tensor) -> Tensor:
        """Change of psi; a coefficient that never varied in training keeps still, whatever the metric thinks of it."""
        linear = vector @ self.synthesis.T
        return self.varies * (linear if self.mlp is None else linear + self.mlp(vector))


def _is_weight(pair: object) -> bool:
    """A region's name and a positive number?"""
    if not (isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str)):
        return False
    return type(pair[1]) in (int, float) and 0 < pair[1] < math.inf


def _read_weights(path: Path, sha256: str | None) -> dict[str, Tensor]:
    """Raises UserError where they cannot be read, are not those that were saved, or hold something not finite."""
    try:
        data = path.read_bytes()
        weights = load(data)
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        raise UserError(f"{path} cannot be read ({error}); train or copy it again.") from error
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise UserError(f"{path} is not what was saved with its config.json (its sha256 differs): copy both again.")
    bad = [name for name, value in weights.items() if value.is_floating_point() and not value.isfinite().all()]
    if bad:
        raise UserError(f"{path} holds weights that are no finite numbers ({bad[0]}): train or copy it again.")
    return weights


def _read_config(folder: Path) -> tuple[RvqVaeConfig, str | None]:
    """The model's shape, and the sha256 of its weights where it is there."""
    try:
        stored = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"There is no trained model in {folder}: config.json is missing; run 03_train first."
        ) from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{folder / 'config.json'} is not JSON; train or copy the model again.") from error
    if not isinstance(stored, dict) or stored.pop("model", None) != "RvqVae" or stored.pop("format", None) != FORMAT:
        raise UserError(f"{folder} holds no RvqVae of format {FORMAT}; train it again with this version of dfe_lib.")
    stored.pop("library", None)
    sha256 = stored.pop("weights_sha256", None)
    try:
        pairs = {name: tuple(stored[name]) for name in ("coefficients", "bounds") if stored.get(name) is not None}
        pairs["region_weights"] = tuple(map(tuple, stored.get("region_weights", ())))
        return RvqVaeConfig(**stored | pairs), sha256
    except (KeyError, TypeError) as error:
        raise UserError(f"{folder / 'config.json'} has other settings than this version of dfe_lib knows.") from error


def _blocks(rows: Float[Tensor, "b c"] | Int[Tensor, "b c"]) -> Tensor:
    """Rows in blocks (n, BLOCK, C); the last is filled up with copies."""
    return rows[whole_blocks(len(rows), rows.device, BLOCK)].unflatten(0, (-1, BLOCK))


def _in_chunks(function: Callable[[Tensor], Tensor], rows: Tensor) -> Tensor:
    """`function` over passes of CHUNK rows, on all cores.

    Matrix products round by the size of their operands and the number of threads, so products of one size on one
    thread each are what makes a row's result its own.
    """
    if not len(rows):
        return function(rows.new_zeros(1, rows.shape[1]))[:0]
    chunks = rows.split(CHUNK)
    threads = torch.get_num_threads()
    if threads > 1:
        torch.set_num_threads(1)
    try:
        if len(chunks) == 1 or rows.is_cuda:
            outputs = [function(chunk) for chunk in chunks]
        else:
            outputs = list(in_threads(function, chunks))
    finally:
        if threads > 1:
            torch.set_num_threads(threads)
    return torch.cat(outputs)
