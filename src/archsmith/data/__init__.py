"""Reading what a person has, checking it, splitting it, and keeping it where workers can map it."""
