"""Core: the words every room shares; standard library only."""
