"""Comparing search strategies fairly: what their runs allow to say, as sentences, tables, curves and a page."""
