"""The fit: milliseconds a face, against the same model solved with SciPy's bounded least squares and with a plain covariance.

    python benchmarks/fit.py [--faces N]

Faces are drawn from the bundled head and its statistics: identities, three action units each, head turns up to 40 degrees, noise. Times are
the best of several runs, one thread. Prints the ratios and writes `results/fit.json` and `.png`.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from scipy.optimize import lsq_linear

from mien import plots
from mien.geometry import head, rotation
from mien.geometry.fitting import boxqp, fit, lips, neutral
from mien.geometry.fitting.fit import LandmarkBasis
from mien.geometry.fitting.measured import SOLVED
from mien.geometry.fitting.neutral import NeutralPrior

RESULTS = Path(__file__).parent / "results"
TURNS = np.array([10.0, 15.0, 10.0])  # degrees, standard deviation of pitch, yaw, roll
MOST_YAW = 40.0
NOISE = 0.3  # pixels, of faces about 120 pixels wide
SCALE = 9.0  # pixels per cm


def faces(basis: LandmarkBasis, prior: NeutralPrior, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Landmarks, the intensities that they show, and the angles."""
    rng = np.random.default_rng(0)
    shown = np.zeros((count, len(SOLVED)))
    for row in shown:
        row[rng.choice(len(SOLVED), 3, replace=False)] = rng.uniform(1, 5, 3)
    who = np.tensordot(0.7 * rng.normal(size=(count, len(basis.identity))), basis.identity, axes=1)
    points = basis.mean + prior.offset + who + np.tensordot(shown / 5, basis.units, axes=1)
    angles = np.clip(rng.normal(size=(count, 3)) * TURNS, -MOST_YAW, MOST_YAW)
    seen = SCALE * points @ rotation.from_angles(angles).swapaxes(1, 2) + NOISE * rng.normal(size=points.shape)
    return seen * np.array([1.0, -1.0, -1.0]) + 100.0, shown, angles


def fastest(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Milliseconds of processor time of the fastest run of each way; they take turns, so that a busy spell hits all."""
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for name, run in ways.items():
            begin = time.process_time()
            run()
            best[name] = min(best[name], (time.process_time() - begin) * 1000)
    return best


def ways_to_solve(basis: LandmarkBasis, prior: NeutralPrior, frontal: np.ndarray) -> dict[str, Callable[[], np.ndarray]]:
    """One face's programme, solved by pivoting, by SciPy on its Cholesky factor, and by SciPy on all 1,405 whitened equations."""
    gain, h = fit.normal_equations(basis, prior)
    residual, mouth = frontal - basis.mean - prior.offset, fit.mouth(basis, prior)
    parting, gap = mouth.parting / lips.NOISE, lips.parted(frontal) / lips.NOISE
    g = gain @ residual.ravel() + parting * gap - prior.sparsity
    low, high = mouth.limits(frontal, prior.rest)
    high = np.maximum(high, low + 1e-6)  # SciPy wants room between bounds
    rows = basis.units.reshape(len(g), -1)

    def small(method: str) -> np.ndarray:
        root = np.linalg.cholesky(h)
        return lsq_linear(root.T, np.linalg.solve(root, g), (low, high), method=method, tol=1e-10).x

    def plain() -> np.ndarray:
        whiten = np.linalg.cholesky(np.linalg.inv(prior.factors @ prior.factors.T + np.diag(prior.variance)))
        a = np.concatenate([whiten.T @ rows.T, np.diag(np.sqrt(prior.ridge)), parting[None]])
        b = np.concatenate([whiten.T @ residual.ravel(), -prior.sparsity / np.sqrt(prior.ridge), [gap]])
        return lsq_linear(a, b, (low, high), tol=1e-10).x

    return {
        "mien": lambda: boxqp.minimise(h, g, low, high),
        "SciPy bvls": lambda: small("bvls"),
        "SciPy trf": lambda: small("trf"),
        "naive": plain,
    }


def draw(milliseconds: dict[str, float]) -> None:
    """A bar for each way, at its time."""
    figure = Figure(figsize=(7, 2.4), layout="constrained")
    axes = figure.add_subplot()
    axes.barh(list(milliseconds), list(milliseconds.values()))
    axes.set_xscale("log")
    axes.set_xlabel("milliseconds of processor time a face")
    axes.set_title("Action units of one face: the same bounded programme, solved four ways")
    plots.write(figure, RESULTS / "fit.png")


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=100)
    count = parser.parse_args().faces
    torch.set_num_threads(1)
    model, prior = head.bundled(), neutral.bundled()
    basis = fit.landmark_basis(model)
    landmarks, shown, angles = faces(basis, prior, count)
    frontal, turned = np.abs(angles[:, 1]).argmin(), np.abs(angles[:, 1]).argmax()
    solution = fit.solve(landmarks, basis, prior)
    solvers = ways_to_solve(basis, prior, solution.frontal[frontal])
    reference = solvers["mien"]()
    assert all(np.allclose(way(), reference, atol=1e-3) for way in solvers.values()), "the ways disagree"
    solving = fastest({name: way for name, way in solvers.items() if name != "naive"}, 30) | fastest({"naive": solvers["naive"]}, 2)
    whole = fastest({f"yaw {angles[i, 1]:.0f}": lambda i=i: fit.fit(landmarks[i][None], model, prior) for i in (frontal, turned)}, 20)
    batch = fastest({"batch": lambda: fit.fit(landmarks, model, prior)}, 2)["batch"] / count
    found = fit.beyond_rest(solution, prior)
    turns = rotation.to_angles(solution.placement.rotation)
    results = {
        "solve_ms": solving,
        "ratio_to_scipy": min(solving["SciPy bvls"], solving["SciPy trf"]) / solving["mien"],
        "ratio_to_naive": solving["naive"] / solving["mien"],
        "fit_ms": whole | {"a face of a batch": batch},
        "error_percent_of_eye_distance": float(100 * np.median(fit.errors(solution, landmarks, basis))),
        "median_unit_error_steps": float(np.median(np.abs(found - shown)[shown > 0])),
        "median_angle_error_degrees": float(np.median(np.abs(turns - angles))),
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "fit.json").write_text(json.dumps(results, indent=2) + "\n")
    draw(solving)
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
