"""Pictures to numbers of networks and back."""

import numpy as np

from mien.nn.levels import levels, rounded, signed


def test_every_grey_level_comes_back_and_what_lies_beyond_is_cut_off():
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    there = signed(grey)
    assert float(there.min()) == -1 and float(there.max()) == 1 and there.shape == (3, 16, 16)
    assert np.array_equal(rounded(there), grey) and np.allclose(levels(there), grey, atol=1e-4)
    assert np.array_equal(rounded(3 * there)[[0, -1], 0], [[0] * 3, [255] * 3]) and levels(3 * there).max() == 255
