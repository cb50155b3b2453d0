"""Frames by a code, and what the code alone reconstructs of the face: tokens, action units, other quantisers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int

from ..action_units import AU_SETS
from ..facs import au_basis, au_binary, au_intensities, au_levels
from ..quantisation.rvqvae import RvqVae
from .au_code import AuCode
from .face_code import FaceCode

__all__ = ["FrameCode", "compared_codes", "other_code", "token_codes", "unit_codes"]


@dataclass(frozen=True)
class FrameCode:
    """N frames by one code.

    Arguments:
        representation: such as `dfe` or `openface17`.
        level: `tokens`, `binary`, `five`, `continuous`; `binary_regressed` and `five_regressed` where the map back to
            psi is learnt from the training people.
        bits: a frame as stored; NaN where it is not a finite code.
        symbols: (N, S) what is stored of each frame; no columns where it is not a finite code.
        decoded: (N, E) psi that the code alone gives back.
        templates: (T, E) changes of psi that it is made of.
    """

    representation: str
    level: str
    bits: float
    symbols: Int[np.ndarray, "n s"]
    decoded: Float[np.ndarray, "n e"]
    templates: Float[np.ndarray, "t e"]

    def __getitem__(self, rows: np.ndarray) -> "FrameCode":
        """The same code of these frames."""
        return replace(self, symbols=self.symbols[rows], decoded=self.decoded[rows])

    @property
    def entropy_bits(self) -> float:
        """Bits a frame after ideal coding of each symbol by how often it occurs here; NaN without symbols."""
        if not self.symbols.shape[1]:
            return float("nan")
        return float(sum(_entropy(column) for column in self.symbols.T))


def compared_codes(
    model: RvqVae,
    train: Float[np.ndarray, "t e"],
    psi: Float[np.ndarray, "n e"],
    metric: Float[np.ndarray, "e e"],
    others: Mapping[str, FaceCode],
    regressed: Sequence[str] = ("openface17", "facs"),
) -> list[FrameCode]:
    """The frames by tokens, by every set of action units in every level, and by other codes.

    Arguments:
        model: trained. train: frames of training people, which the strengths of the units are fitted to.
        others: fitted codes of other kinds, by name.
        regressed: sets of units that are also decoded by a map learnt from the training people, which need not keep
            to what the units mean: the most that can be had from them.
    """
    codes = token_codes(model, psi)
    done: dict[tuple[str, ...], list[FrameCode]] = {}
    for name, units in AU_SETS.items():
        done[units] = done.get(units) or unit_codes(name, train, psi, metric)
        codes += [replace(code, representation=name) for code in done[units]]
    for name in regressed:
        for level in ("binary", "five"):
            fitted = AuCode(name, level == "binary", regressed=True).fit(train, metric, 0)
            codes.append(other_code(name, f"{level}_regressed", fitted, psi))
    return codes + [other_code(name, "tokens", code, psi) for name, code in others.items()]


def token_codes(model: RvqVae, psi: Float[np.ndarray, "n e"], name: str = "dfe") -> list[FrameCode]:
    """The frames by their first m tokens, for m from 1 to all."""
    tokens = model.encode(torch.as_tensor(np.ascontiguousarray(psi, np.float32)))
    templates = model.templates()
    each = math.log2(model.config.codebook_size)
    return [
        FrameCode(name, "tokens", m * each, tokens[:, :m].numpy(), model.decode(tokens[:, :m]).numpy().astype(float),
                  templates)
        for m in range(1, model.config.n_stages + 1)
    ]  # fmt: skip


def unit_codes(
    au_set: str, train: Float[np.ndarray, "t e"], psi: Float[np.ndarray, "n e"], metric: Float[np.ndarray, "e e"]
) -> list[FrameCode]:
    r"""The frames by a set of action units: present or absent, levels A to E, and exact intensities.

    A sceptic's reading of FACS: each unit of the two finite codes (each level of it) counts for as much as fits the
    training people best, $\min_g \|E(\psi - \sum_a g_a(s_a) w_a)\|^2$.

    Arguments:
        au_set: name in `action_units.AU_SETS`.
        train: frames of the training people. psi: the frames to encode. metric: mesh metric in mm2.
    """
    weights = au_basis(au_set)[1]
    seen, shown = (au_intensities(rows, metric, au_set) for rows in (train, psi))
    count, nothing = len(weights), np.empty((len(psi), 0), int)
    codes = [FrameCode(au_set, "continuous", float("nan"), nothing, shown @ weights, weights)]
    for level, quantised, values in (("five", au_levels, 6), ("binary", au_binary, 2)):
        gains = _gains(quantised(seen).astype(int), values - 1, train, weights, metric)
        symbols = quantised(shown).astype(int)
        decoded = gains[np.arange(count), symbols] @ weights
        parts = np.concatenate([gain[:, None] * weights for gain in gains.T[1:]])
        codes.insert(0, FrameCode(au_set, level, count * math.log2(values), symbols, decoded, parts))
    return codes


def other_code(name: str, level: str, code: FaceCode, psi: Float[np.ndarray, "n e"]) -> FrameCode:
    """The frames by a fitted code of another kind."""
    symbols = code.encode(psi)
    return FrameCode(
        name, level, float(code.bits), np.asarray(symbols, int), np.asarray(code.decode(symbols), float),
        np.asarray(code.templates(), float),
    )  # fmt: skip


def _gains(
    symbols: Int[np.ndarray, "t a"], levels: int, train: Float[np.ndarray, "t e"],
    weights: Float[np.ndarray, "a e"], metric: Float[np.ndarray, "e e"],
) -> Float[np.ndarray, "a l"]:  # fmt: skip
    """Strength (A, levels + 1) of each unit at each of its symbols; the first, absence, has none."""
    shown = np.concatenate([symbols == level for level in range(1, levels + 1)], axis=1).astype(float)
    parts = np.tile(weights, (levels, 1))
    normal = (shown.T @ shown) * (parts @ metric @ parts.T)
    found = np.linalg.lstsq(normal, np.einsum("ta,ta->a", shown, train @ metric @ parts.T), rcond=1e-9)[0]
    return np.concatenate([np.zeros((len(weights), 1)), found.reshape(levels, -1).T], axis=1)


def _entropy(symbols: Int[np.ndarray, " n"]) -> float:
    share = np.unique(symbols, return_counts=True)[1] / len(symbols)
    return float(-(share * np.log2(share)).sum())
