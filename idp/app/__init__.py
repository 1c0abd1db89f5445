"""Wiring: every room is built from the settings here, and nowhere else."""
