"""The one training loop and its splits."""
