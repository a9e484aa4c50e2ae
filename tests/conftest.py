"""What many tests share: two drawn faces, and a home of their own so that no signing key reaches the user's folders."""

import os
from pathlib import Path

import pytest

from mien import images
from mien.aus import AUVector
from mien.data.renders import render
from mien.geometry import head


def pytest_addoption(parser):
    parser.addoption("--renew-golden", action="store_true", help="write the golden pictures anew; look at them before you commit")


def pytest_collection_modifyitems(items):
    """Tests marked `data` run where MIEN_DATA names the folder of third-party data."""
    if not os.environ.get("MIEN_DATA"):
        for item in items:
            if "data" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="needs third-party data: MIEN_DATA is not set"))


@pytest.fixture(scope="session")
def data():
    """The folder of third-party data, for tests marked `data`."""
    return Path(os.environ["MIEN_DATA"])


@pytest.fixture(autouse=True, scope="session")
def _own_home(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIEN_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="session")
def drawn():
    """A drawn face at rest, from the front, 384 x 384."""
    return render(head.bundled())


@pytest.fixture(scope="session")
def drawn_smile():
    """A drawn smile, turned by pitch 5, yaw 12 and roll -4 degrees."""
    return render(head.bundled(), AUVector.of({"AU12": 4, "AU06": 2}), angles=(5.0, 12.0, -4.0), seed=1)


@pytest.fixture(scope="session")
def drawn_file(drawn, tmp_path_factory):
    """The face at rest as a file."""
    return images.write(drawn.photo.rgb, tmp_path_factory.mktemp("drawn") / "face.png")
