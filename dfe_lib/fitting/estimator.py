"""FaceLandmarker's output to identity- and pose-free expressions, by a network trained on rendered heads."""

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ..blendshapes import ACTIONS, BLENDSHAPES, mirror_permutation
from ..blocks import BLOCK, ReadLinear, block_product, by_column, whole_blocks
from ..errors import UserError
from ..io.tables import atomic_path, write_text
from ..io.thread_pool import in_threads
from ..io.threads import one_torch_thread
from ..morphable.procrustes import LAYOUT_68, Aligned, align, lifted
from .feature_network import FeatureNetwork, asinh
from .neutral import MIN_FRAMES, estimate_neutral

__all__ = ["Estimate", "EstimatorConfig", "ExpressionEstimator", "FaceNeutral", "pretrained_estimator"]

PRETRAINED = Path(__file__).parent / "data" / "estimator"
WEIGHTS, CONFIG, FEATURES, CALIBRATION = "model.safetensors", "config.json", "features", "calibration.json"
LAYOUTS = {"478": 478, "68": 68}
CHUNK = 512
"""Frames of one pass at most (our choice): fewer cost more calls, and more leave the processor's cache."""
FRONTAL = 0.1
"""Square of yaw and pitch, radians, below which a turned head does nothing to the features that counts."""
ROUNDS = 3
"""Passes of :meth:`ExpressionEstimator.neutral_of_clip` (our choice)."""


@dataclass(frozen=True)
class EstimatorConfig:
    """Sizes of the network.

    Arguments:
        layout: `"478"` (FaceLandmarker: landmarks with depth, and scores) or `"68"` (landmarks in the picture alone).
        n_even, n_odd: principal components of the displacements that are the same, or opposite, on both sides.
        hidden, depth: width and number of hidden layers.
        dropout: share of hidden units that are silent in a training step.
        blend: share of the network in psi; the rest are calibrated scores without their drift with pose. The scores
            come from a network that was trained on people, and hold what actors cannot teach.
    """

    layout: str = "478"
    n_even: int = 70
    n_odd: int = 50
    hidden: int = 256
    depth: int = 2
    dropout: float = 0.1
    blend: float = 1.0

    def __post_init__(self) -> None:
        if self.layout not in LAYOUTS:
            raise UserError(f"layout must be one of {', '.join(LAYOUTS)}, not {self.layout!r}")

    @property
    def n_landmarks(self) -> int:
        return LAYOUTS[self.layout]

    @property
    def n_inputs(self) -> int:
        """Components, calibrated and raw scores, pose, and whether a neutral is known."""
        return self.n_even + self.n_odd + 2 * len(BLENDSHAPES) + 3 + 1


@dataclass(frozen=True)
class FaceNeutral:
    """A person's face at rest, as the detector sees it.

    Arguments:
        landmarks: (L, 3) mm in head axes, see `alignment.align`.
        scores: (51,) blendshape scores.
        facing: (51,) the scores without what the pose did to them, see :meth:`ExpressionEstimator.facing`.
        source: `"given"` (neutral frames), `"clip"` (from what the face mostly does), `"none"` (population mean).
        frames: how many frames it was estimated from.
        features: (F,) of the landmark network, where the frames have them.
    """

    landmarks: Float[Tensor, "l 3"]
    scores: Float[Tensor, "51"]
    facing: Float[Tensor, "51"]
    source: str
    frames: int
    features: Float[Tensor, " f"] | None = None

    @property
    def known(self) -> bool:
        return self.source != "none"


@dataclass(frozen=True)
class Estimate:
    """Expressions of n frames; rows that are not valid hold NaN.

    Arguments:
        psi: (n, 52) in [0, 1], in the order of `names.ACTIONS`.
        sigma: (n, 52) standard deviation of each action's error, by rendered actors: see `calibration`.
        angles: (n, 3) yaw, pitch, roll of the head in radians.
        valid: (n,) False where the landmarks are missing, not finite, or no upright face.
        unexplained: (n,) see :meth:`FeatureNetwork.unexplained`; NaN without features of the frame and of the neutral.
        covered: (n,) 1 where something, such as a hand, hides part of the face, 0 where nothing does; NaN like that.
        calibrated: whether the person's neutral was known; without it psi holds some of the person's features.
    """

    psi: Float[np.ndarray, "n 52"]
    sigma: Float[np.ndarray, "n 52"]
    angles: Float[np.ndarray, "n 3"]
    valid: Bool[np.ndarray, " n"]
    unexplained: Float[np.ndarray, " n"]
    covered: Float[np.ndarray, " n"]
    calibrated: bool


class ExpressionEstimator(nn.Module):
    """psi from landmarks and scores: calibrated scores plus a learned correction, alike for a mirrored face.

    With d the displacement of the pose-normalised landmarks from the person's neutral, s the scores, s_0 the neutral
    ones and M the mirroring, `psi = clip((f(d, s, s_0) + M f(M d, M s, M s_0)) / 2, 0, 1)`, `f = g (s - s_0) + MLP`.
    Trained by :mod:`dfe_lib.fitting.estimator_training`. Where a face and its neutral have features, psi is a mean of
    this and of what :class:`FeatureNetwork` reads from them.
    """

    template: Tensor
    weights: Tensor
    neutral: Tensor
    neutral_scores: Tensor
    basis: Tensor
    spread: Tensor
    response: Tensor
    drift: Tensor
    temperatures: Tensor
    cover: Tensor
    sign: Tensor
    swap: Tensor

    def __init__(self, config: EstimatorConfig | None = None) -> None:
        super().__init__()
        self.config = config or EstimatorConfig()
        components, landmarks = self.config.n_even + self.config.n_odd, self.config.n_landmarks
        shapes = {
            "template": (landmarks, 3), "weights": (landmarks,), "neutral": (landmarks, 3), "neutral_scores": (51,),
            "basis": (components, 3 * landmarks), "spread": (components,), "response": (52, 3 * landmarks),
            "drift": (8, 51),
        }  # fmt: skip
        for name, shape in shapes.items():
            self.register_buffer(name, torch.ones(shape))
        self.register_buffer("temperatures", torch.ones(2, len(ACTIONS)), persistent=False)
        # how much is left unexplained on an uncovered face at most, and how that grows with its turn
        self.register_buffer("cover", torch.tensor([torch.inf, 0.0]), persistent=False)
        sign = torch.cat([torch.ones(self.config.n_even), -torch.ones(self.config.n_odd)])
        self.register_buffer("sign", sign, persistent=False)
        self.register_buffer("swap", torch.tensor(mirror_permutation(ACTIONS)), persistent=False)
        layers: list[nn.Module] = []
        width = self.config.n_inputs
        for _ in range(self.config.depth):
            layers += [ReadLinear(width, self.config.hidden), nn.SiLU(), nn.Dropout(self.config.dropout)]
            width = self.config.hidden
        self.body = nn.Sequential(*layers)
        self.correction, self.log_sigma = ReadLinear(width, len(ACTIONS)), ReadLinear(width, len(ACTIONS))
        self.gain = nn.Parameter(torch.ones(len(ACTIONS)))
        self.features: FeatureNetwork | None = None
        nn.init.zeros_(self.correction.weight)
        nn.init.zeros_(self.correction.bias)

    @property
    def has_scores(self) -> bool:
        return self.config.layout == "478"

    def forward(
        self, parts: Float[Tensor, "n c"], scores: Float[Tensor, "n 51"], rest: Float[Tensor, "n 51"],
        angles: Float[Tensor, "n 3"], known: Float[Tensor, "n 1"],
    ) -> tuple[Float[Tensor, "n 52"], Float[Tensor, "n 52"]]:  # fmt: skip
        """psi before clipping, and the logarithm of sigma; `parts` are :meth:`components` of the displacements."""
        parts = asinh(parts / (2 * self.spread))
        beyond, swap = scores - rest, self.swap[: len(BLENDSHAPES)]
        turned = angles * angles.new_tensor([-1.0, 1.0, -1.0])
        # 3 and 1.5 bring scores and radians to about the spread of the components
        here = torch.cat([parts, 3 * beyond, 3 * scores, 1.5 * angles, known], -1)
        there = torch.cat([parts * self.sign, 3 * beyond[:, swap], 3 * scores[:, swap], 1.5 * turned, known], -1)
        hidden = self.body(torch.cat([here, there]))
        one, other = self.correction(hidden).chunk(2)
        base = nn.functional.pad(beyond, (0, 1))
        psi = (self.gain * base + one + (self.gain * base[:, self.swap] + other)[:, self.swap]) / 2
        sure, other_sure = self.log_sigma(hidden).clamp(-5, 1).chunk(2)
        return psi, (sure + other_sure[:, self.swap]) / 2

    def components(self, displacement: Float[Tensor, "*n l 3"]) -> Float[Tensor, "*n c"]:
        """Coordinates of displacements (mm) along the principal axes, the mirror-symmetric ones first."""
        return block_product(displacement.flatten(-2), self.basis.T)

    @torch.inference_mode()
    def estimate(
        self,
        landmarks: Float[np.ndarray, "n l d"],
        scores: Float[np.ndarray, "n 51"] | None = None,
        neutral: FaceNeutral | None = None,
        features: Float[np.ndarray, "n f"] | None = None,
    ) -> Estimate:
        """Expressions of one person's frames.

        Arguments:
            landmarks: pixels (x right, y down); (n, 478, 3) or (n, 68, 2 or 3), of which 68 use x and y alone.
            scores: blendshape scores; none for 68 landmarks.
            neutral: of this person; the population's mean when None, and then `Estimate.calibrated` is False.
            features: of the landmark network, see `tracking.feature_axes`; rows of NaN have none.

        Raises UserError for another number of landmarks, and for missing scores.
        """
        points, marks = self._inputs(landmarks, scores)
        rest, count = neutral or self.population, len(points)
        if count == 0:
            points, marks = points.new_full((1, *points.shape[1:]), torch.nan), points.new_zeros(1, len(BLENDSHAPES))
        seen = self._features(features, len(points))
        slices = [slice(start, start + CHUNK) for start in range(0, len(points), CHUNK)]

        @torch.inference_mode()  # holds for one thread
        def chunk(rows: slice) -> tuple[Tensor, ...]:
            return self._estimate_chunk(points[rows], marks[rows], seen[rows], rest)

        with one_torch_thread():  # with more, products round by the number of blocks
            parts = list(in_threads(chunk, slices)) if len(slices) > 1 else [chunk(rows) for rows in slices]
        columns = [torch.cat(part)[:count].cpu().numpy() for part in zip(*parts, strict=True)]
        psi, sigma, angles, valid, unexplained, covered = columns
        return Estimate(psi, sigma, angles, valid, unexplained, covered, rest.known)

    def _estimate_chunk(self, points: Tensor, marks: Tensor, seen: Tensor, rest: FaceNeutral) -> tuple[Tensor, ...]:
        """At most CHUNK frames, filled up to whole blocks so that the arithmetic never depends on the batch."""
        count = len(points)
        if count % BLOCK:
            rows = whole_blocks(count, points.device)
            points, marks, seen = points[rows], marks[rows], seen[rows]
        found = self._align(points, rest.landmarks[None])
        valid = found.valid & torch.isfinite(marks).all(1)
        marks = torch.where(valid[:, None], marks, 0.0)
        known = points.new_full((len(points), 1), float(rest.known))
        parts = self.components(found.points - rest.landmarks)
        psi, log_sigma = self(parts, marks, rest.scores.expand_as(marks), found.angles, known)
        hidden = torch.where(valid[:, None], 0.0, torch.nan)
        base = nn.functional.pad(self.facing(marks, found.angles) - rest.facing, (0, 1)).clamp(0, 1)
        blended = self.config.blend * psi.clamp(0, 1) + (1 - self.config.blend) * base
        blended, sigma, left = self._with_features(blended, log_sigma.exp(), seen, rest, found.angles)
        left = left + hidden[:, 0]
        padded = (
            blended + hidden,
            sigma + hidden,
            found.angles + hidden,
            valid,
            left,
            self._covered(left, found.angles),
        )
        return tuple(part[:count] for part in padded)

    def _with_features(
        self, psi: Float[Tensor, "n 52"], sigma: Float[Tensor, "n 52"], seen: Float[Tensor, "n f"], rest: FaceNeutral,
        angles: Float[Tensor, "n 3"],
    ) -> tuple[Float[Tensor, "n 52"], Float[Tensor, "n 52"], Float[Tensor, " n"]]:  # fmt: skip
        """psi and sigma, blended with what the features say where there are some, and what these leave unexplained.

        The errors of the two are taken for wholly correlated; each way has its temperatures, by which sigma is right
        on actors (:mod:`dfe_lib.fitting.calibration`).
        """
        alone, joint = self.temperatures
        if self.features is None or rest.features is None:
            return psi, alone * sigma, psi.new_full((len(psi),), torch.nan)
        there = torch.isfinite(seen.sum(1, keepdim=True))
        shift = torch.where(there, seen - rest.features, 0.0)
        read, log_sigma = self.features(shift, angles)
        read = read.clamp(0, 1)
        left = self.features.unexplained(shift, read) + torch.where(there[:, 0], 0.0, torch.nan)
        share = torch.where(there, self.features.config.blend, 0.0)
        sigma = (1 - share) * sigma + share * log_sigma.exp()
        return (1 - share) * psi + share * read, torch.where(there, joint, alone) * sigma, left

    def _covered(self, unexplained: Float[Tensor, " n"], angles: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        limit, growth = self.cover
        turned = (angles[:, :2].square().sum(1) - FRONTAL).clamp_min(0)
        over = unexplained.square() > limit.square() * (1 + growth * turned)
        return torch.where(torch.isfinite(unexplained), over.float(), torch.nan)

    def facing(self, scores: Float[Tensor, "n 51"], angles: Float[Tensor, "n 3"]) -> Float[Tensor, "n 51"]:
        """Scores without what turning the head does to those of a neutral face: quadratic in yaw and pitch."""
        return scores - block_product(pose_terms(angles), self.drift)

    @torch.inference_mode()
    def aligned(self, landmarks: Float[np.ndarray, "n l d"]) -> Float[np.ndarray, "n l 3"]:
        """Landmarks (pixels) in head axes and mm, whatever the pose; zeros where there is no upright face."""
        return self._align(self._tensor(landmarks), self.neutral[None]).points.cpu().numpy()

    @property
    def population(self) -> FaceNeutral:
        """The mean neutral face of the training actors: what is known of somebody of whom nothing is known."""
        return FaceNeutral(self.neutral, self.neutral_scores, self.neutral_scores, "none", 0)

    @torch.inference_mode()
    def neutral_of_frames(
        self,
        landmarks: Float[np.ndarray, "n l d"],
        scores: Float[np.ndarray, "n 51"] | None = None,
        features: Float[np.ndarray, "n f"] | None = None,
    ) -> FaceNeutral:
        """Neutral face from frames that are known to be neutral."""
        points, marks = self._inputs(landmarks, scores)
        found = self._align(points, self.neutral[None])
        if not found.valid.any():
            raise UserError("no valid face among the neutral frames: give frames that show the face upright")
        shape = found.points[found.valid].mean(0)
        again = self._align(points[found.valid], shape[None])
        rest = marks[found.valid]
        facing = self.facing(rest, again.angles).mean(0)
        seen = _resting(self._features(features, len(points))[found.valid], points.new_ones(len(rest)))
        return FaceNeutral(again.points.mean(0), rest.mean(0), facing, "given", len(rest), seen)

    @torch.inference_mode()
    def neutral_of_clip(
        self,
        landmarks: Float[np.ndarray, "n l d"],
        scores: Float[np.ndarray, "n 51"] | None = None,
        features: Float[np.ndarray, "n f"] | None = None,
    ) -> FaceNeutral:
        """Neutral face from unlabelled frames of one person, of one clip or several.

        Takes from every frame's landmarks what its estimated expression does to them, and averages the rest, frames
        of little expression the most. The least expressive frame alone would be the noisiest detection, and some
        people never rest. Scores by `neutral.estimate_neutral`, of few frames by the same weights.
        """
        points, marks = self._inputs(landmarks, scores)
        found = self._align(points, self.neutral[None])
        keep = found.valid & torch.isfinite(marks).all(1)
        if int(keep.sum()) < 2:
            return self.population
        seen = self._features(features, len(points))[keep]
        points, marks = points[keep], marks[keep]
        neutral = self.population
        for _ in range(ROUNDS):
            neutral = self._refined(points, marks, seen, neutral)
        return neutral

    def _refined(
        self, points: Float[Tensor, "n l d"], marks: Float[Tensor, "n 51"], seen: Float[Tensor, "n f"],
        neutral: FaceNeutral,
    ) -> FaceNeutral:  # fmt: skip
        found = self._align(points, neutral.landmarks[None])
        known = points.new_full((len(points), 1), float(neutral.known))
        shift = found.points - neutral.landmarks
        psi = self(self.components(shift), marks, neutral.scores.expand_as(marks), found.angles, known)[0].clamp(0, 1)
        moved = (psi @ self.response).unflatten(1, (-1, 3))
        weights = _quiet_weights(moved.square().mean((1, 2)).sqrt(), found.angles)
        shape = torch.einsum("n,nlc->lc", weights, found.points - moved)
        if len(marks) >= MIN_FRAMES:
            rest = self._tensor(estimate_neutral(marks.cpu().numpy()).scores)
        else:
            beyond = (marks - torch.nn.functional.pad(psi, (0, -1))).clamp_min(0)
            rest = torch.minimum(weights @ beyond, marks.median(0).values)
        turned = weights @ (self.facing(marks, found.angles) - marks)
        still = _resting(seen - psi @ self.features.response, weights) if self.features else None
        return FaceNeutral(shape, rest, rest + turned, "clip", len(marks), still)

    def _inputs(self, landmarks: np.ndarray, scores: np.ndarray | None) -> tuple[Tensor, Tensor]:
        count = self.config.n_landmarks
        if landmarks.ndim != 3 or landmarks.shape[1] != count or landmarks.shape[2] not in (2, 3):
            raise UserError(f"expected landmarks of shape (n, {count}, 3), not {landmarks.shape}")
        points = self._tensor(landmarks)
        if not self.has_scores:
            return points[..., :2], points.new_zeros(len(points), len(BLENDSHAPES))
        if scores is None:
            raise UserError("blendshape scores are missing: take the 68-landmark model for landmarks alone")
        if points.shape[-1] != 3:
            raise UserError("478 landmarks need three coordinates: x and y in pixels, and MediaPipe's z")
        return points, self._tensor(scores)

    def _features(self, features: np.ndarray | None, count: int) -> Float[Tensor, "n f"]:
        """The features, NaN where there are none."""
        if self.features is None or features is None:
            return torch.full((count, 1), torch.nan, device=self.template.device)
        if features.shape != (count, self.features.config.n_features):
            raise UserError(
                f"expected features of shape ({count}, {self.features.config.n_features}), not {features.shape}"
            )
        return self._tensor(features)

    def _tensor(self, values: np.ndarray) -> Tensor:
        """Values where the model is: on the GPU after `model.to("cuda")`."""
        return torch.as_tensor(np.ascontiguousarray(values), dtype=torch.float32, device=self.template.device)

    def _align(self, points: Tensor, template: Float[Tensor, "m l 3"]) -> Aligned:
        if self.config.layout == "68":
            points = lifted(points, template, self.weights)
        return align(points, template, self.weights)

    def save_pretrained(self, folder: Path) -> None:
        """Weights as safetensors, sizes as JSON; a calibration of other weights there goes, see `calibration`."""
        (folder / CALIBRATION).unlink(missing_ok=True)
        state = {name: value.contiguous() for name, value in self.state_dict().items()
                 if not name.startswith(f"{FEATURES}.")}  # fmt: skip
        if self.features is not None:
            self.features.save_pretrained(folder / FEATURES)
        with atomic_path(folder / WEIGHTS) as temporary:
            save_file(state, temporary)
        write_text(folder / CONFIG, json.dumps(asdict(self.config), indent=2) + "\n")

    @classmethod
    def from_pretrained(cls, folder: Path) -> "ExpressionEstimator":
        if not (folder / WEIGHTS).exists():
            raise UserError(f"no estimator in {folder}: build it with `make estimator`")
        model = cls(EstimatorConfig(**json.loads((folder / CONFIG).read_text())))
        model.load_state_dict(load_file(folder / WEIGHTS))
        model.basis = by_column(model.basis)
        if (folder / FEATURES).exists():
            model.features = FeatureNetwork.from_pretrained(folder / FEATURES)
        if (folder / CALIBRATION).exists():
            found = json.loads((folder / CALIBRATION).read_text())
            for row, name in zip(model.temperatures, ("landmarks", "features"), strict=True):
                row.copy_(torch.tensor(found.get(name, 1.0)))
            model.cover.copy_(torch.tensor(found.get("cover", [torch.inf, 0.0])))
        return model.eval().requires_grad_(False)


@cache
def pretrained_estimator(layout: str = "478") -> ExpressionEstimator:
    """The estimator that comes with the package; `layout` is `"478"` or `"68"`."""
    return ExpressionEstimator.from_pretrained(PRETRAINED / layout)


def pose_terms(angles: Float[Tensor, "n 3"]) -> Float[Tensor, "n 8"]:
    """Terms of yaw y and pitch p that scores drift with: y, p, y2, p2, yp, y|y|, p|p|, y2p."""
    yaw, pitch, _ = angles.unbind(-1)
    squares = (yaw.square(), pitch.square(), yaw * pitch, yaw * yaw.abs(), pitch * pitch.abs())
    return torch.stack([yaw, pitch, *squares, yaw.square() * pitch], -1)


def landmark_selection(layout: str) -> list[int]:
    """FaceLandmarker's landmarks that stand for the layout's."""
    return list(range(478)) if layout == "478" else list(LAYOUT_68)


def _resting(features: Float[Tensor, "n f"], weights: Float[Tensor, " n"]) -> Float[Tensor, " f"] | None:
    """Weighted mean of the rows that have features; None where none has."""
    there = torch.isfinite(features).all(1)
    if not there.any():
        return None
    return weights[there] @ features[there] / weights[there].sum()


def _quiet_weights(activity: Float[Tensor, " n"], angles: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
    """Weights, sum 1, that fall with what moves (mm) and with how far the head is turned."""
    soft = torch.quantile(activity, 0.25) + 0.2
    turned = angles[:, :2].square().sum(1) / 0.3**2
    weights = 1 / ((1 + (activity / soft) ** 2) * (1 + turned))
    return weights / weights.sum()
