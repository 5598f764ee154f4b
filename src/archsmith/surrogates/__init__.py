"""Learnt maps from an architecture to a score.

Gaussian processes learn from what is known of an architecture, the MLP and LSTM ensembles of PNAS from rows of tokens.
"""
