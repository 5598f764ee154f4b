"""Search spaces: one file, one space; ``zoo`` holds the published networks as plain architectures."""
