import numpy as np
import pytest

from mien.aus import AUVector
from mien.export import Head
from mien.geometry import head as heads
from mien.geometry import rotation
from mien.types import HeadCode, Photo, Pose


def code_of(yaw: float = 0.0, expression: dict[str, float] | None = None) -> HeadCode:
    """A person of no importance in the middle of a 480 x 400 picture."""
    shape = np.zeros(heads.bundled().identity.shape[0])
    shape[:3] = (1.0, -0.5, 0.8)
    pose = Pose(rotation.from_angles(np.array([[0.0, yaw, 0.0]]))[0], 16.0, np.array([240.0, 200.0]))
    return HeadCode(shape, AUVector.of(expression or {}), pose)


def picture() -> Photo:
    """A picture whose colours say where they are: red across, green down."""
    y, x = np.mgrid[0:400, 0:480]
    return Photo(np.dstack([x * 255 / 480, y * 255 / 400, np.full(x.shape, 120)]).astype(np.uint8), sha256="0" * 64)


@pytest.fixture(scope="session")
def posed():
    return code_of


@pytest.fixture(scope="session")
def ramps() -> Photo:
    return picture()


@pytest.fixture(scope="session")
def still() -> Head:
    return Head((code_of(expression={"AU12": 3.0}),), picture())


@pytest.fixture(scope="session")
def clip() -> Head:
    codes = tuple(code_of(yaw=4.0 * i, expression={"AU12L": i + 0.0, "AU26": 2.0}) for i in range(5))
    return Head(codes, picture(), 2.0 + np.arange(5) / 25, still=0)
