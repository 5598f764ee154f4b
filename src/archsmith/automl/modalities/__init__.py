"""One file a kind of data: everything about it that a job needs."""
