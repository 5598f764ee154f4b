"""Tables: rows of numbers and categories, from a file or from memory to splits on disk."""
