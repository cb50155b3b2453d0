"""MediaPipe's blendshape network by itself: landmarks to 51 scores."""

import numpy as np
from jaxtyping import Float, Float32

from .networks import bundled, network

__all__ = ["BlendshapeNetwork"]

# fmt: off
LANDMARKS = [
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65, 66, 67, 70, 78, 80, 81,
    82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136, 144, 145, 146, 148, 149, 150, 152, 153, 154,
    155, 157, 158, 159, 160, 161, 162, 163, 168, 172, 173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249, 251, 263,
    267, 269, 270, 276, 282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314, 317, 318, 321,
    323, 324, 332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379, 380, 381, 382, 384, 385, 386, 387,
    388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454, 466, 468, 469, 470, 471, 472, 473, 474, 475, 476, 477,
]
"""Those the network sees, in its order (MediaPipe, face_blendshapes_graph.cc)."""
# fmt: on


class BlendshapeNetwork:
    """Scores in [0, 1], in the order of `blendshapes.BLENDSHAPES`."""

    def __init__(self) -> None:
        self._net = network(bundled("face_blendshapes.tflite"))
        self._input = self._net.get_input_details()[0]["index"]
        self._output = self._net.get_output_details()[0]["index"]

    def __call__(self, landmarks: Float[np.ndarray, "478 _"]) -> Float32[np.ndarray, "51"]:
        """Of landmarks in pixels of any picture: the network takes out place and size itself."""
        self._net.set_tensor(self._input, landmarks[None, LANDMARKS, :2].astype(np.float32))
        self._net.invoke()
        return self._net.get_tensor(self._output)[1:]  # without "_neutral"
