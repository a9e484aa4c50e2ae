"""The score of the fit, on few faces."""

import numpy as np

from mien.metrics.fit import score_fit


def test_drawn_heads_are_recovered_from_their_own_landmarks():
    table = score_fit(6, seed=3).set_index("what")
    assert list(table.columns) == ["true", "own"] and np.isfinite(table.to_numpy(dtype=float)).all()
    true = {name.split(":")[0]: value for name, value in table.true.items()}
    assert true["angles"] < 2
    assert true["units not shown"] < 0.6
    assert table.true.filter(like="units shown: correlation").item() > 0.5
    assert table.true.filter(like="% of the outer eye").item() < 4
