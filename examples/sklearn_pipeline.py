"""Inside scikit-learn: a step of one's own in front of the search, cross-validated, with a callback that ends it when
it is good enough.

python examples/sklearn_pipeline.py --time 2m
"""

import argparse

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from archsmith import ImageClassifier


def framed(images: np.ndarray) -> np.ndarray:
    """Bytes (n, 10, 10) with an empty border, from 0..16 (n, 8, 8)."""
    return np.pad((images * (255 / 16)).round().astype(np.uint8), ((0, 0), (1, 1), (1, 1)))


def good_enough(trial, history):
    """Called after every trial; True asks for an end with the best so far."""
    print(f"trial {trial.id}: {trial.metrics.get('accuracy', float('nan')):.3f}")
    return trial.ok and trial.metrics["accuracy"] > 0.97


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--time", default="2m")
    parser.add_argument("--workspace", default=None)
    arguments = parser.parse_args()

    digits = load_digits()
    network = ImageClassifier(time=arguments.time, workspace=arguments.workspace, on_trial=good_enough)
    model = Pipeline([("frame", FunctionTransformer(framed)), ("network", network)])
    scores = cross_val_score(model, digits.images, digits.target, cv=2)
    print("accuracy of each half, learnt from the other:", scores.round(4))


if __name__ == "__main__":
    main()
