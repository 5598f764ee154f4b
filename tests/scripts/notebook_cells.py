# ruff: noqa: B018
"""The cells of a notebook that a test runs in a real kernel."""

# %%
from sklearn.datasets import load_digits

from archsmith import ImageClassifier

digits = load_digits()
classifier = ImageClassifier(time="25s", trials=3, verbose=2, workspace="workspace")
classifier
# %%
fitted = classifier.fit(digits.images / 16, digits.target)
# %%
fitted
# %%
classifier.architecture_
# %%
classifier.graph_
# %%
classifier.leaderboard()
