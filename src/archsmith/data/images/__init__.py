"""Pictures: reading them wherever they lie, checking, decoding once, and keeping them where workers can map them."""
