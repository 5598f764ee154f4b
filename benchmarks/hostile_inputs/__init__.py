"""Hostile inputs, one file a part of the house that they are aimed at. ``benchmarks/hostile.py`` tries them all."""
