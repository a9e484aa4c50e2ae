import json
import math

import numpy as np
import pandas as pd
import pytest

from mien import aus, tables
from mien.aus import AUVector
from mien.errors import DataError, UsageError
from mien.geometry import rotation
from mien.tables import openface, pyfeat
from mien.types import Face, Reading


def reading(values: dict[str, float], angles: tuple[float, float, float] = (10.0, -20.0, 5.0), others: float = math.nan) -> Reading:
    points = np.random.default_rng(3).uniform(0, 200, (468, 3))
    points[33], points[263] = (100.0, 100.0, 0.0), (189.0, 100.0, 0.0)  # one pixel is one millimetre
    scores = dict.fromkeys(aus.EMOTIONS, 0.1) | {"happiness": 0.3}
    return Reading(Face((20.0, 30.0, 150.0, 160.0), 0.9, points), AUVector.of(values, others=others), scores, angles)


def rows() -> list[tables.Row]:
    smile = reading({"AU12L": 2.0, "AU12R": 4.0, "AU17": 1.5, "AU43": 3.0, "AU26": 0.5})
    return [
        tables.Row("a.jpg", (640, 480), smile, frame=4, time=61.5, face=1),
        tables.Row("b.jpg", (320, 240), None),
    ]


def test_own_columns_are_the_documented_ones_in_their_order() -> None:
    units = [f"AU{u:02d}" for u in (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20, 22, 23, 24, 25, 26, 27, 28, 29, 30)]
    expected = ["file", "frame", "time", "face", "x", "y", "width", "height", "score", "pitch", "yaw", "roll"]
    expected += [f"x_{i}" for i in range(68)] + [f"y_{i}" for i in range(68)]
    columns = list(tables.table(rows()).columns)
    assert columns[: len(expected)] == expected
    assert columns[len(expected) : len(expected) + len(units)] == units
    assert columns[columns.index("AU45") + 1 : columns.index("AU45") + 3] == ["AU01L", "AU01R"]
    assert columns[-8:] == ["neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt"]
    assert len(columns) == len(set(columns))


def test_own_table_holds_the_reading_and_marks_what_is_missing() -> None:
    table = tables.table(rows())
    face, nobody = table.iloc[0], table.iloc[1]
    assert (face["file"], face["frame"], face["time"], face["face"]) == ("a.jpg", 4, 61.5, 1)
    assert (face["AU12"], face["AU12L"], face["AU12R"], face["AU17"]) == (3.0, 2.0, 4.0, 1.5)
    assert math.isnan(face["AU01"])
    assert math.isnan(face["AU01L"])
    points = rows()[0].reading.face.landmarks  # type: ignore[union-attr]
    assert (face["x_36"], face["y_36"]) == (points[33, 0], points[33, 1])  # iBUG 36: the outer corner of the subject's right eye
    assert (face["x_45"], face["y_45"]) == (points[263, 0], points[263, 1])
    assert nobody["file"] == "b.jpg"
    assert nobody[list(tables.COLUMNS[4:])].isna().all()


def test_the_landmark_table_is_that_of_the_68_points() -> None:
    assert len(set(tables.LANDMARK68.tolist())) == 68
    assert tables.LANDMARK68[[30, 48, 54, 62, 66]].tolist() == [4, 61, 291, 13, 14]  # nose tip, mouth corners, inner lips


def test_a_table_of_nothing_has_columns_and_no_rows() -> None:
    for columns in tables.DIALECTS:
        table = tables.table([], columns)
        assert len(table) == 0
        assert len(table.columns) > 100


def test_openface_columns_and_units() -> None:
    table = tables.table(rows(), "openface")
    columns = list(table.columns)
    assert columns[:6] == ["frame", "timestamp", "confidence", "success", "gaze_0_x", "gaze_0_y"]
    assert columns[10:16] == ["pose_Tx", "pose_Ty", "pose_Tz", "pose_Rx", "pose_Ry", "pose_Rz"]
    assert [c for c in columns if c.endswith("_r")] == [f"AU{u:02d}_r" for u in openface.INTENSITY]
    assert [c for c in columns if c.endswith("_c")] == [f"AU{u:02d}_c" for u in openface.PRESENCE]
    assert len(columns) == 4 + 6 + 6 + 136 + 204 + 6 + 34 + 17 + 18
    face, nobody = table.iloc[0], table.iloc[1]
    assert (face["frame"], face["timestamp"], face["success"], nobody["success"]) == (5, 61.5, 1, 0)
    assert (face["AU12_r"], face["AU12_c"], face["AU26_r"], face["AU26_c"]) == (3.0, 1.0, 0.5, 0.0)
    assert face["AU45_r"] == 3.0  # closed eyes stand for the blink
    assert math.isnan(face["AU01_r"])
    assert math.isnan(face["AU01_c"])
    assert math.isnan(face["gaze_0_x"])
    assert math.isnan(nobody["AU12_r"])


def test_openface_angles_have_openfaces_signs() -> None:
    def turned(pitch: float, yaw: float, roll: float) -> list[float]:
        row = tables.Row("a.jpg", (640, 480), reading({}, (pitch, yaw, roll)))
        return [round(math.degrees(v), 6) for v in tables.table([row], "openface").loc[0, ["pose_Rx", "pose_Ry", "pose_Rz"]]]

    assert turned(10, 0, 0) == [-10, 0, 0]  # OpenFace: looking up is negative
    assert turned(0, 10, 0) == [0, 10, 0]
    assert turned(0, 0, 10) == [0, 0, 10]


def test_openface_angles_are_the_same_rotation() -> None:
    angles = (12.0, -31.0, 8.0)
    rx, ry, rz = openface.euler(angles)
    c, s = np.cos, np.sin
    x = np.array([[1, 0, 0], [0, c(rx), -s(rx)], [0, s(rx), c(rx)]])
    y = np.array([[c(ry), 0, s(ry)], [0, 1, 0], [-s(ry), 0, c(ry)]])
    z = np.array([[c(rz), -s(rz), 0], [s(rz), c(rz), 0], [0, 0, 1]])
    nose = x @ y @ z @ np.array([0.0, 0.0, -1.0])  # towards the camera, OpenFace's axes: y down, z away
    ours = rotation.from_angles(np.array([angles]))[0] @ np.array([0.0, 0.0, 1.0])
    np.testing.assert_allclose(nose, ours * (1, -1, -1), atol=1e-12)


def test_openface_millimetres() -> None:
    row = rows()[0]
    points = openface.in_camera(row.reading, row.size)  # type: ignore[arg-type]
    np.testing.assert_allclose(points[:, 2].mean(), 500.0)  # one pixel is one millimetre at the focal length
    seen = points[:, :2] * 500.0 / points[:, 2:] + (320, 240)
    np.testing.assert_allclose(seen, row.reading.face.landmarks[tables.LANDMARK68, :2])  # type: ignore[union-attr]


def test_pyfeat_columns_and_units() -> None:
    table = tables.table(rows(), "pyfeat")
    columns = list(table.columns)
    assert columns[:5] == ["FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore"]
    assert columns[141:147] == ["Pitch", "Roll", "Yaw", "X", "Y", "Z"]
    assert columns[147:167] == [f"AU{u:02d}" for u in pyfeat.UNITS]
    assert columns[167:174] == ["Neutral", "Happy", "Sad", "Surprise", "Fear", "Disgust", "Anger"]
    assert columns[-6:] == ["FrameHeight", "FrameWidth", "input", "frame", "Identity", "approx_time"]
    assert len(columns) == 5 + 136 + 6 + 20 + 7 + 5 + 512 + 3 * 478 + 52 + 2 + 4
    face, nobody = table.iloc[0], table.iloc[1]
    assert (face["Pitch"], face["Yaw"], face["Roll"]) == (10.0, -20.0, 5.0)
    assert (face["AU12"], face["AU43"], face["Happy"]) == (0.6, 0.6, 0.3)
    assert (face["input"], face["frame"], face["approx_time"]) == ("a.jpg", 4, "01:01")
    assert math.isnan(face["mesh_x_468"])
    assert face["mesh_y_33"] == 100.0
    assert (nobody["FrameHeight"], nobody["FrameWidth"]) == (240, 320)
    assert math.isnan(nobody["FaceScore"])


def test_an_unknown_dialect_is_named() -> None:
    with pytest.raises(UsageError, match="'opanface' is not one of mien, openface, pyfeat; did you mean 'openface'"):
        tables.table(rows(), "opanface")


@pytest.mark.parametrize("columns", ["mien", "openface", "pyfeat"])
@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".json"])
def test_every_table_comes_back_from_every_format(tmp_path, columns: str, suffix: str) -> None:
    table = tables.table(rows(), columns)
    path = tables.write(table, tmp_path / "new folder" / f"faces{suffix}")
    read = {".csv": pd.read_csv, ".parquet": pd.read_parquet, ".json": pd.read_json}[suffix]
    back = read(path)
    assert list(back.columns) == list(table.columns)
    numbers = table.select_dtypes("number").columns
    np.testing.assert_allclose(back[numbers].astype(float), table[numbers].astype(float), rtol=1e-6, atol=1e-6)
    assert [p.name for p in path.parent.iterdir()] == [path.name]  # nothing half-written stays


def test_csv_runs_no_formula(tmp_path) -> None:
    names = ["=cmd|'/c calc'!A1.jpg", "+1.jpg", "-1.jpg", "@x.jpg", "fine.jpg", "\tx.jpg"]
    table = tables.table([tables.Row(name, (8, 8), None) for name in names])
    back = pd.read_csv(tables.write(table, tmp_path / "t.csv"))
    assert list(back["file"]) == [f"'{n}" if n != "fine.jpg" else n for n in names]
    assert list(table["file"]) == names  # the table itself keeps the names


def test_json_is_one_document_with_null_for_what_was_not_measured() -> None:
    first, second = json.loads(tables.to_json(tables.table(rows())))
    assert first["AU12"] == 3.0
    assert first["AU01"] is None
    assert second["score"] is None


def test_what_cannot_be_written_says_so(tmp_path, monkeypatch) -> None:
    table = tables.table(rows())
    with pytest.raises(DataError, match=r"its suffix '\.xlsx' is not one of \.csv, \.parquet, \.json"):
        tables.write(table, tmp_path / "t.xlsx")
    (tmp_path / "t.csv").mkdir()
    with pytest.raises(DataError, match="is a folder"):
        tables.write(table, tmp_path / "t.csv")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"pip install 'mien\[parquet\]'"):
        tables.write(table, tmp_path / "t.parquet")
