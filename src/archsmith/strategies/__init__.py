"""Search strategies: one file, one method.

Each is a frozen dataclass with ``ask(history, n, rng)``, a function of the history and nothing else.
"""
