"""The training loop, and what it needs: batches, goals, schedules, devices, checkpoints."""
