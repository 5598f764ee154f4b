"""Evaluators say how good an architecture is."""
