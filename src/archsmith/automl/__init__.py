"""The practitioner's door: plan the budget, search, train, choose, export."""
