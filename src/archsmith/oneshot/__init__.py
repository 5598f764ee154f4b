"""One-shot search: one bank of weights for all networks of a space, and what is built on it (ENAS)."""
