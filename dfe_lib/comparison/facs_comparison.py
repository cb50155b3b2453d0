"""The codebook beside FACS on the same frames: every table of notebook 04 but the one of the tokens themselves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from ..blendshapes import REGIONS
from ..cohort.cohort import cohort_expressions
from ..io.tables import REAL, SIMULATED, read_parquet
from ..morphable.space import ExpressionSpace
from ..quantisation.corpus import Frames, joined, read_frames
from ..quantisation.lexicon import lexicon_of
from ..quantisation.rvqvae import RvqVae
from .baselines import PcaScalar, ResidualCode
from .coverage import contrast_frames, coverage_table, display_coverage, find_code
from .diversity import diversity_table
from .face_code import FaceCode
from .frame_codes import FrameCode, compared_codes, token_codes
from .frame_sets import compared_frames, read_split, shown_displays
from .left_out import read_folds
from .retrieval import retrieval_table
from .token_readings import retrained_templates, token_shares, token_stability, token_units

__all__ = ["FacsComparison", "compare_with_facs"]

OURS, THEIRS = ("dfe", "tokens"), ("openface17", "continuous")
"""The two codes whose frames are contrasted: all tokens, and OpenFace's units at their best, exact intensities."""
BY_DISPLAY = {"dfe": OURS, "openface17": THEIRS, "facs": ("facs", "continuous"),
              "openface17_binary": ("openface17", "binary"), "facs_binary": ("facs", "binary")}  # fmt: skip
GALLERY = {"OpenFace 17,\nexact": THEIRS, "full FACS,\npresent or absent": ("facs", "binary")}
"""Codes that the gallery shows beside the tokens."""
RETRIEVED = ("dfe", "openface17", "pyfeat20", "facs", "residual_kmeans")


@dataclass(frozen=True)
class _Compared:
    """Frames of one kind of data by every code."""

    frames: Frames
    codes: list[FrameCode]

    @property
    def heldout(self) -> Frames:
        """The frames of people with no part in the training."""
        return self.frames[self.frames.heldout]

    def code(self, representation: str, level: str) -> FrameCode:
        """A code of the held-out frames."""
        return find_code(self.codes, representation, level)[self.frames.heldout]


@dataclass(frozen=True)
class FacsComparison:
    """Frames of real and simulated people by tokens, by sets of action units, and by two classical codes.

    Arguments:
        model: trained. space: of its coefficients, ARKit's.
        learnt: (T, E) psi of training people, which strengths and classical codes are fitted to.
        kinds: `real`, `simulated`, as far as there are frames.
        cohort: folder of the simulated people.
    """

    model: RvqVae
    space: ExpressionSpace
    learnt: Float[np.ndarray, "t e"]
    kinds: Mapping[str, _Compared]

    @property
    def bits(self) -> int:
        """Bits a frame of all tokens."""
        return self.model.config.bits

    def __str__(self) -> str:
        people = {data: len(kind.heldout.people) for data, kind in self.kinds.items()}
        return "\n".join(f"{data}: {len(self.kinds[data].codes)} codes, {count} held-out people"
                         for data, count in people.items())  # fmt: skip

    def coverage(self, seed: int = 0) -> pd.DataFrame:
        """Explained share of the displacement by code and region, see :func:`~.coverage.coverage_table`."""
        head = self.space.head
        assert head is not None
        metrics = {"all": self.space.metric} | {region: head.gram(region) for region in REGIONS}
        return self._joined(
            lambda data, kind: coverage_table(
                [code[kind.frames.heldout] for code in kind.codes], kind.heldout, metrics, data, seed=seed
            )
        )

    def by_display(self) -> pd.DataFrame:
        """Explained share by the true display of simulated people; empty without them."""
        kind = self.kinds.get(SIMULATED)
        if kind is None:
            return pd.DataFrame()
        codes = {name: kind.code(*wanted) for name, wanted in BY_DISPLAY.items()}
        return display_coverage(codes, kind.heldout, self.space.metric)

    def contrasts(self) -> pd.DataFrame:
        """Frames that tokens reconstruct and exact OpenFace units miss, and the other way round."""
        return self._joined(
            lambda data, kind: contrast_frames(
                kind.code(*OURS), kind.code(*THEIRS), kind.heldout, self.space.metric, data
            )
        )

    def gallery(
        self, contrasts: pd.DataFrame, count: int
    ) -> tuple[dict[str, Float[np.ndarray, "n e"]], dict[str, list[str]]]:
        """psi by row title and frame titles by group of the first `count` contrasts each way, for `contrast_gallery`.

        Of simulated people, whose displays have names, where there are any.
        """
        data = SIMULATED if SIMULATED in self.kinds else REAL
        kind, table = self.kinds[data], contrasts[contrasts.data == data]
        ours = table.explained_by == " ".join(OURS)
        halves = {"tokens reconstruct, OpenFace's units miss": table[ours].head(count),
                  "OpenFace's units reconstruct better": table[~ours].head(count)}  # fmt: skip
        halves = {title: half for title, half in halves.items() if len(half)}
        if not halves:
            return {}, {}
        rows = pd.concat(halves.values()).row.to_numpy()
        shown = {f"DFE,\n{self.bits} bits": OURS} | GALLERY
        psi = {f"{data} face": kind.heldout.psi[rows]}
        psi |= {title: kind.code(*wanted).decoded[rows] for title, wanted in shown.items()}
        return psi, {title: _frame_titles(half) for title, half in halves.items()}

    def retrieval(self, n_queries: int, seed: int = 0) -> pd.DataFrame:
        """Faces found again at other people, see :func:`~.retrieval.retrieval_table`; empty with one person alone."""

        def found(data: str, kind: _Compared) -> pd.DataFrame:
            if len(kind.frames.people) < 2:
                return pd.DataFrame()
            asked = np.flatnonzero(kind.frames.heldout)
            asked = asked[:: max(1, len(asked) // n_queries)]
            codes = [code for code in kind.codes if code.representation in RETRIEVED and code.symbols.shape[1]]
            return retrieval_table(codes, kind.frames, asked, self.space.metric, data, seed)

        return self._joined(found)

    def diversity(self) -> pd.DataFrame:
        """Distinct codes, their entropy and the faces they reach, see :func:`~.diversity.diversity_table`."""
        return self._joined(lambda data, kind: diversity_table(kind.codes, kind.frames, self.space.metric, data))

    def dictionary(
        self, words: Int[np.ndarray, "n m"], n_trainings: int, training_frames: int, seed: int = 0
    ) -> pd.DataFrame:
        """Every display in action units, with how often it occurs and whether other trainings find it again.

        Arguments:
            words: (N, M) displays of the real frames, -1 where a token means nothing.
            n_trainings, training_frames: trainings from other seeds, and the frames of each.
        """
        head = self.space.head
        assert head is not None
        templates = self.model.display_templates()
        table = token_units(templates, head)
        found = {REAL: words}
        if SIMULATED in self.kinds:
            symbols = token_codes(self.model, self.kinds[SIMULATED].frames.psi)[-1].symbols
            found[SIMULATED] = lexicon_of(self.model).words(self.model.words(symbols))
        for data, symbols in found.items():
            table[f"frequency_{data}"] = token_shares(symbols, len(templates))
        again = retrained_templates(self.model, self.learnt, self.space.metric, n_trainings, training_frames, seed + 1)
        table["stability"] = token_stability(templates, again, self.space.metric)
        return table

    def _joined(self, table: Callable[[str, _Compared], pd.DataFrame]) -> pd.DataFrame:
        parts = [table(data, kind) for data, kind in self.kinds.items()]
        return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)


def compare_with_facs(
    folder: Path, space: ExpressionSpace, expressions: Path, cohort: Path, compared: int, fitted: int
) -> FacsComparison:
    """Reads the frames, fits the classical codes on training people, and encodes all frames by every code.

    Arguments:
        folder: of the trained model.
        space: ARKit's actions on a head.
        expressions: folder of the real clips' tables. cohort: folder of the simulated people.
        compared: frames of each kind of data that the codes are compared on.
        fitted: frames of each kind that strengths of action units and classical codes are fitted to.

    Real people are compared by the codes of the fold that left them out, where the training wrote folds.
    """
    model, split, folds = RvqVae.from_pretrained(folder), read_split(folder), read_folds(folder)
    paths = {REAL: sorted(expressions.glob("*.parquet")), SIMULATED: cohort_expressions(cohort)}
    everyone = {data: _exact(read_frames(tables)) for data, tables in paths.items() if tables}
    trained = {data: _training(frames, split, data) for data, frames in everyone.items()}
    learnt = _learnt(trained, fitted)
    kinds = {}
    for data, frames in everyone.items():
        if data == REAL and folds:
            kinds[data] = _left_out(folds, frames, trained, space, compared, fitted)
            continue
        chosen = compared_frames(frames, split, data, compared)
        if data == SIMULATED:
            chosen = shown_displays(chosen, read_parquet(cohort / "events.parquet").to_pandas(), space.metric)
        kinds[data] = _Compared(chosen, _coded(model, learnt, chosen, space))
    return FacsComparison(model, space, learnt, kinds)


def _frame_titles(chosen: pd.DataFrame) -> list[str]:
    """What each frame is called in a figure: its display, or else its clip and time."""
    return [str(row.display).replace("_", " ") or f"{row.clip_id} {row.time_s:.1f} s" for row in chosen.itertuples()]


def _left_out(
    folds: Sequence[tuple[list[str], RvqVae]], frames: Frames, trained: Mapping[str, Frames], space: ExpressionSpace,
    compared: int, fitted: int,
) -> _Compared:  # fmt: skip
    """Every real person by codes that have not seen them, people alike; who is in no fold was never trained on."""
    known = {person for people, _ in folds for person in people}
    frames = frames.thinned_people(max(1, compared // len(known)))
    parts = []
    for number, (people, model) in enumerate(folds):
        strangers = [] if number else sorted(set(frames.people) - known)
        others = trained[REAL].of(set(trained[REAL].people) - set(people))
        chosen = frames.of([*people, *strangers])
        codes = _coded(model, _learnt({**trained, REAL: others}, fitted), chosen, space)
        parts.append(_Compared(replace(chosen, heldout=np.ones(len(chosen), bool)), codes))
    alike = zip(*(part.codes for part in parts), strict=True)
    return _Compared(joined([part.frames for part in parts]), [_one_code(codes) for codes in alike])


def _one_code(codes: Sequence[FrameCode]) -> FrameCode:
    """One code of all folds' frames; templates are the first fold's."""
    symbols, decoded = ([getattr(code, name) for code in codes] for name in ("symbols", "decoded"))
    return replace(codes[0], symbols=np.concatenate(symbols), decoded=np.concatenate(decoded))


def _coded(model: RvqVae, learnt: Float[np.ndarray, "t e"], frames: Frames, space: ExpressionSpace) -> list[FrameCode]:
    """The frames by every code; the classical ones are fitted to `learnt`."""
    others: dict[str, FaceCode] = {"pca": PcaScalar(), "residual_kmeans": ResidualCode(model.config.codebook_size)}
    fitted = {name: code.fit(learnt, space.metric, model.config.bits) for name, code in others.items()}
    return compared_codes(model, learnt, frames.psi, space.metric, fitted)


def _learnt(trained: Mapping[str, Frames], count: int) -> Float[np.ndarray, "t e"]:
    """psi of training people, so many frames of each kind of data."""
    return np.concatenate([frames.thinned(count).psi for frames in trained.values() if len(frames)])


def _training(frames: Frames, split: Mapping[tuple[str, str], str], data: str) -> Frames:
    """The frames of training people; of everyone where nobody was trained on."""
    trained: Sequence[str] = [person for person in frames.people if split.get((data, person)) == "train"]
    return frames.of(trained or frames.people)


def _exact(frames: Frames) -> Frames:
    """In double precision: the tables compare codes whose errors are alike."""
    return replace(frames, psi=frames.psi.astype(float))
