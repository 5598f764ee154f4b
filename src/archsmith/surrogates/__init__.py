"""Learnt maps from an architecture to a score: Gaussian processes on what is known of it, and the MLP and LSTM
ensembles of PNAS on rows of tokens.
"""
