"""From a table to an exported network: wines by their chemistry, with a gap and a text column, as tables have them.

python examples/fit_table.py --time 2m --out models/wines
"""

import argparse

from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split

from archsmith import Predictor, TabularClassifier


def wines():
    """A data frame: numbers, some of them missing, a column of texts, and the cultivar."""
    wine = load_wine(as_frame=True)
    frame = wine.data.assign(
        hue=wine.data["hue"].mask(wine.data.index % 10 == 0),
        strength=wine.data["alcohol"].map(lambda percent: "strong" if percent > 13 else "light"),
        cultivar=wine.target.map({0: "Barolo", 1: "Grignolino", 2: "Barbera"}),
    )
    return frame.drop(columns="alcohol")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--time", default="2m")
    parser.add_argument("--out", default="models/wines")
    parser.add_argument("--workspace", default=None)
    arguments = parser.parse_args()

    seen, unseen = train_test_split(wines(), test_size=0.2, random_state=0)
    classifier = TabularClassifier(
        time=arguments.time, seed=0, target="cultivar", workspace=arguments.workspace, verbose=1
    ).fit(seen)
    for row in classifier.leaderboard()[:4]:
        print(row["name"], row["valid"])
    rows, cultivars = unseen.drop(columns="cultivar"), unseen["cultivar"].tolist()
    print(f"accuracy on {len(unseen)} wines that were kept apart: {classifier.score(rows, cultivars):.4f}")

    # The bundle takes rows as they come: a data frame, records, an array. It needs no torch.
    predictor = Predictor(classifier.export(arguments.out))
    print("the first three:", predictor.predict(rows[:3]), "truth:", cultivars[:3])


if __name__ == "__main__":
    main()
