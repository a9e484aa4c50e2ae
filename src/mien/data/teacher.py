"""The teacher of the landmark network: MediaPipe's published face mesh (`face_landmark.tflite`, Apache-2.0)."""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from mien.errors import DataError
from mien.faces.align import Square, carry, sample

INPUT = 192  # pixels
REACH = 1.5  #: of the landmarks' extent: the square that the teacher was trained with


class Teacher:
    """468 landmarks and face presence of one face at a time, as the published network gives them.

    >>> teacher = Teacher("face_landmark.tflite")                              # doctest: +SKIP
    >>> landmarks, presence = teacher.landmarks(rgb, Square.of_image(rgb))     # doctest: +SKIP
    """

    def __init__(self, path: Path | str) -> None:
        """Open the network; raises `DataError` when the file or the runtime for it is missing."""
        path = Path(path)
        if not path.is_file():
            raise DataError(f"no teacher at {path}: name the folder that has face_landmark.tflite with --data or MIEN_DATA")
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise DataError("the teacher needs ai-edge-litert: pip install 'mien[train]'") from error
        self._network: Any = Interpreter(str(path), num_threads=1)
        self._network.allocate_tensors()
        self._input = self._network.get_input_details()[0]["index"]
        outputs = {str(output["name"]): output["index"] for output in self._network.get_output_details()}
        self._points, self._presence = outputs["conv2d_21"], outputs["conv2d_31"]

    def landmarks(self, rgb: UInt8[np.ndarray, "h w 3"], square: Square) -> tuple[Float[np.ndarray, "468 3"], float]:
        """One look: landmarks in the pixels of `rgb` (depth in the same scale, away from the viewer) and presence 0..1.

        `square` must have the face's eyes level and reach 1.5 times as far as its landmarks. The network is strict about it: in a square of
        three quarters of that, it draws the mouth a twentieth of the face too high. `settled` finds the square.
        """
        view = sample(rgb, square, INPUT)
        self._network.set_tensor(self._input, view[None].astype(np.float32) / 255.0)
        self._network.invoke()
        points = self._network.get_tensor(self._points).reshape(468, 3)
        logit = float(self._network.get_tensor(self._presence).item())
        return carry(square.to_photo(INPUT), points), 1.0 / (1.0 + float(np.exp(-logit)))

    def settled(self, rgb: UInt8[np.ndarray, "h w 3"], square: Square) -> tuple[Float[np.ndarray, "468 3"], float]:
        """Landmarks and presence after three looks, the second and third 1.5 times around the landmarks of the look before.

        So the published pipeline follows a face. Starting squares that differ a little end within 0.3 % of the outer eye distance.
        """
        landmarks, _ = self.landmarks(rgb, square)
        landmarks, _ = self.landmarks(rgb, Square.around(landmarks, REACH))
        return self.landmarks(rgb, Square.around(landmarks, REACH))


def square_of_five(points: Float[np.ndarray, "5 2"]) -> Square:
    """Where the teacher should look first, from five points (medians of where it settles on aligned faces)."""
    ffhq = Square.of_five(points)
    return ffhq.scaled(0.955).lowered(0.165 / 0.955)
