import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mien import motion
from mien.aus import AXES, AUShift, AUVector
from mien.errors import DataError, UsageError
from mien.motion.curve import neutral, through


def curve(times: list[float], values: list[float], axis: str = "AU17") -> motion.Motion:
    changes = np.zeros((len(times), len(AXES)))
    changes[:, AXES.index(axis)] = values
    return motion.Motion(np.array(times), changes)


def track(m: motion.Motion, axis: str) -> np.ndarray:
    return m.changes[:, AXES.index(axis)]


keys = st.integers(2, 8).flatmap(
    lambda n: st.tuples(
        hnp.arrays(np.float64, n, elements=st.floats(0.05, 1.0)).map(np.cumsum), hnp.arrays(np.float64, n, elements=st.floats(-5, 5))
    )
)


@given(keys, st.floats(1, 60))
def test_resampling_never_overshoots_and_keeps_both_ends(key, fps: float) -> None:
    times, values = key
    m = curve(times.tolist(), values.tolist()).resample(fps)
    got = track(m, "AU17")
    assert values.min() - 1e-9 <= got.min()
    assert got.max() <= values.max() + 1e-9
    assert m.times[0] == times[0]
    assert m.times[-1] >= times[-1] - 1e-6
    assert m.times[-1] - times[-1] < 1 / fps + 1e-6
    np.testing.assert_allclose([got[0], got[-1]], values[[0, -1]], atol=1e-4)
    np.testing.assert_allclose(np.diff(m.times), 1 / fps)


@given(keys)
def test_resampling_passes_through_the_keys(key) -> None:
    times, values = key
    np.testing.assert_allclose(through(times, values[:, None], times)[:, 0], values, atol=1e-9)


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=50), st.sampled_from([12.0, 25.0, 30.0]))
def test_resampling_at_its_own_rate_changes_nothing(values: list[float], fps: float) -> None:
    m = curve([i / fps for i in range(len(values))], values)
    again = m.resample(fps)
    assert len(again) == len(m)
    np.testing.assert_allclose(again.changes, m.changes, atol=1e-6)
    assert again.fps == pytest.approx(fps)


@given(keys, st.floats(-2, 2))
def test_resampling_scales_with_the_motion(key, factor: float) -> None:
    times, values = key
    at = np.linspace(times[0], times[-1], 17)
    np.testing.assert_allclose(through(times, factor * values[:, None], at), factor * through(times, values[:, None], at), atol=1e-9)


def test_unknown_values_are_bridged_and_ends_are_held() -> None:
    values = np.array([[np.nan], [1.0], [np.nan], [3.0], [np.nan]])
    np.testing.assert_allclose(through(np.arange(5.0), values, np.arange(5.0))[:, 0], [1, 1, 2, 3, 3])
    assert (through(np.arange(5.0), np.full((5, 1), np.nan), np.arange(5.0)) == 0).all()


@pytest.mark.parametrize(("times", "values"), [([0.0, 0.0], [1.0, 2.0]), ([1.0, 0.0], [1.0, 2.0]), ([0.0, 1.0], [1.0, math.nan]), ([], [])])
def test_a_motion_is_finite_and_its_times_rise(times, values) -> None:
    with pytest.raises(ValueError, match="motion"):
        curve(times, values)


def test_impossible_rates_are_refused() -> None:
    m = curve([0.0, 1.0], [0.0, 1.0])
    for fps in (0.0, -5.0, math.nan, math.inf):
        with pytest.raises(UsageError, match="give a rate above 0"):
            m.resample(fps)
    with pytest.raises(UsageError, match="more than 1,000,000 frames"):
        curve([0.0, 1e9], [0.0, 1.0]).resample(25.0)


def test_between_two_edits_eases_in_and_out() -> None:
    start, end = AUShift.of({"AU12": -1, "AU04": 2}), AUShift.of({"AU12": 3, "AU04": 2})
    m = motion.between(start, end, 2.0, 25.0)
    assert len(m) == 51
    assert m.shift(0) == start
    assert m.shift(50) == end
    smile = track(m, "AU12L")
    assert smile[25] == pytest.approx(1.0)  # half way at half time
    steps = np.diff(smile)
    assert (steps > 0).all()
    assert steps[0] < 0.2 * steps[25]
    assert steps[-1] < 0.2 * steps[25]
    assert (track(m, "AU04R") == 2).all()
    with pytest.raises(UsageError, match="a length above 0"):
        motion.between(start, end, 0.0)


def driver(frames: int = 100, seed: int = 0) -> tuple[list[float], list[AUVector | None], np.ndarray]:
    """A driver whose resting face measures AU17 = 1, and who smiles in the middle; with jitter and two lost frames."""
    rng = np.random.default_rng(seed)
    times = [i / 25 for i in range(frames)]
    smile = 4 * np.exp(-(((np.arange(frames) - frames / 2) / (frames / 8)) ** 2))
    seen: list[AUVector | None] = [
        AUVector.of({"AU12": max(s + rng.normal(0, 0.1), 0), "AU17": 1 + rng.normal(0, 0.1)}, others=math.nan) for s in smile
    ]
    seen[10] = seen[50] = None
    return times, seen, smile


def test_a_driver_is_followed_relative_to_its_own_neutral() -> None:
    times, seen, smile = driver()
    m = motion.follow(times, seen)
    assert abs(track(m, "AU17")).max() < 0.25  # what the resting face shows is no motion
    np.testing.assert_allclose(track(m, "AU12L"), smile, atol=0.35)
    assert (track(m, "AU01L") == 0).all()  # not measured: does not move


def test_following_takes_the_jitter_out() -> None:
    times, seen, smile = driver()
    raw = np.array([math.nan if e is None else e["AU12"] for e in seen])
    m = motion.follow(times, seen)
    assert np.abs(np.diff(track(m, "AU12L") - smile)).mean() < 0.6 * np.nanmean(np.abs(np.diff(raw - smile)))


def test_smoothing_keeps_parabolas_and_most_of_a_blink() -> None:
    times = np.arange(30) / 25
    parabola = curve(times.tolist(), (3 * (times - 0.4) ** 2).tolist())
    np.testing.assert_allclose(parabola.smoothed().changes, parabola.changes, atol=1e-9)
    blink = curve(times.tolist(), [{14: 2.5, 15: 5.0, 16: 2.5}.get(i, 0.0) for i in range(30)], "AU45L")
    assert track(blink.smoothed(), "AU45L").max() > 3.5
    short = curve([0.0, 0.04, 0.08], [0.0, 1.0, 0.0])
    assert short.smoothed() is short


def test_the_neutral_is_what_the_calmest_frames_show() -> None:
    expressions = np.zeros((10, len(AXES)))
    expressions[:, AXES.index("AU17")] = 1.0
    expressions[3:, AXES.index("AU26")] = 4.0
    assert neutral(expressions)[AXES.index("AU17")] == 1.0
    assert neutral(expressions)[AXES.index("AU26")] == 0.0


def test_a_driver_may_repeat_a_time() -> None:
    times, seen, smile = driver()
    m = motion.follow([*times[:50], times[49], *times[50:]], [*seen[:50], seen[0], *seen[50:]])
    assert len(m) == 100
    np.testing.assert_allclose(track(m, "AU12L"), smile, atol=0.35)


def test_a_driver_without_a_face_is_an_error() -> None:
    with pytest.raises(DataError, match="no face that can be read in any of its 3 frames"):
        motion.follow([0.0, 0.1, 0.2], [None, None, None])
