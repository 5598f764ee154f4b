"""Where trials run and where they are recorded."""
