"""How near the bundled network comes to its teacher on pictures of real people, which it never saw."""

import pytest

from mien.metrics.landmarks import score_landmarks


@pytest.mark.data
@pytest.mark.slow
def test_the_bundled_network_is_near_its_teacher(data):
    table = score_landmarks(data, limit=150).set_index("set")
    assert table.loc["lfw_eval", "median"] <= 2.8
    assert table.loc["sfhq_256", "median"] <= 2.6
    assert (table.present >= 0.98).all()
