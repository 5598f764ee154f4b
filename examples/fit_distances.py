"""Numbers instead of classes: how far apart two dots are, learnt from pictures of them. No linear function of the
pixels tells it.

python examples/fit_distances.py --time 2m --out models/distances
"""

import argparse

import numpy as np

from archsmith import ImageRegressor, Predictor


def dots(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """``n`` noisy pictures (n, 16, 16) of two dots, and the distance of those in pixels (n,)."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(2, 14, (n, 2, 2))
    rows, columns = np.mgrid[0:16, 0:16]
    squares = (rows - places[:, :, 0, None, None]) ** 2 + (columns - places[:, :, 1, None, None]) ** 2
    light = np.exp(-squares / 3).max(axis=1) * 200 + rng.uniform(0, 40, (n, 16, 16))
    return light.astype(np.uint8), np.linalg.norm(places[:, 0] - places[:, 1], axis=1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--time", default="2m")
    parser.add_argument("--out", default="models/distances")
    parser.add_argument("--workspace", default=None)
    arguments = parser.parse_args()

    images, distances = dots(2000, seed=0)
    unseen, truth = dots(300, seed=1)
    regressor = ImageRegressor(time=arguments.time, seed=0, workspace=arguments.workspace, verbose=1).fit(
        images, distances
    )
    print(regressor.leaderboard()[:3])
    print(f"R² on {len(unseen)} pictures that were kept apart: {regressor.score(unseen, truth):.4f}")

    # The bundle answers in pixels; whoever uses it needs neither torch nor the regressor that made it.
    predictor = Predictor(regressor.export(arguments.out))
    for predicted, distance in zip(predictor.predict(unseen[:3]), truth, strict=False):
        print(f"predicted {predicted:5.2f}, true {distance:5.2f}")


if __name__ == "__main__":
    main()
