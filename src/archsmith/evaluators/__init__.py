"""Evaluators: each says how good an architecture is, by training, by looking it up or by a cheap measure."""
