"""Readers of finished studies: any-time curves, statistics, comparison, plots, the HTML report."""
