"""How a network that is learning does, by hand."""

import pytest
import torch

from mien.metrics.detection.judged import Seen, judged

UNKNOWN = float("nan")


def test_scores_of_each_unit_and_their_means():
    """Of the first unit one call is wrong and one face missed; of the second a label is not known; nobody shows the third."""
    scores = torch.tensor([[0.9, 0.2, 0.1], [0.5, 0.7, 0.2], [0.6, 0.8, 0.9], [0.3, 0.1, 0.4]])
    present = torch.tensor([[1.0, 0.0, 0.0], [1.0, UNKNOWN, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    told = judged(Seen(scores, torch.empty(4, 0), present, torch.empty(4, 0)), ("AU01", "AU02", "AU04"), 0.5)
    assert told == pytest.approx({"f1_AU01": 2 / 3, "f1_AU02": 1.0, "f1": 5 / 6, "auc_AU01": 1 / 3, "auc_AU02": 1.0, "auc": 2 / 3})


def test_intensities_agree_as_far_as_they_are_known():
    """ICC(3,1) of what rises alike is 1 whatever its level, and of the reverse -1; a unit of one known face has none."""
    strong = torch.tensor([[0.0, 0.0, 1.0], [2.0, 2.0, UNKNOWN], [4.0, UNKNOWN, UNKNOWN], [UNKNOWN, 4.0, UNKNOWN]])
    told = torch.tensor([[1.0, 4.0, 1.0], [3.0, 2.0, 2.0], [5.0, 9.0, 3.0], [0.0, 0.0, 4.0]])
    nobody = torch.full((4, 1), UNKNOWN)
    assert judged(Seen(nobody, told[:, :1], nobody, strong[:, :1]), ("AU12",), 0.5) == pytest.approx({"icc": 1.0})
    assert judged(Seen(nobody, told, nobody, strong), ("AU12",), 0.5) == pytest.approx({"icc": 0.0})
