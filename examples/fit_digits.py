"""From arrays to an exported network: scikit-learn's handwritten digits, searched, trained, tested and written as a
bundle.

python examples/fit_digits.py --time 2m --out models/digits-from-python
"""

import argparse

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from archsmith import ImageClassifier, Predictor


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--time", default="2m")
    parser.add_argument("--out", default="models/digits-from-python")
    parser.add_argument("--workspace", default=None)
    arguments = parser.parse_args()

    digits = load_digits()
    images = (digits.images * (255 / 16)).round().astype("uint8")
    seen, unseen, seen_labels, unseen_labels = train_test_split(
        images, digits.target, test_size=0.2, random_state=0, stratify=digits.target
    )

    classifier = ImageClassifier(time=arguments.time, seed=0, workspace=arguments.workspace, verbose=True).fit(
        seen, seen_labels
    )
    for row in classifier.leaderboard()[:3]:
        print(row["name"], row["valid"])
    print(f"accuracy on {len(unseen)} digits that were kept apart: {classifier.score(unseen, unseen_labels):.4f}")

    # The bundle needs neither torch nor the classifier that made it.
    predictor = Predictor(classifier.export(arguments.out))
    print("the first three:", predictor.predict(unseen[:3]), "labels:", unseen_labels[:3])


if __name__ == "__main__":
    main()
