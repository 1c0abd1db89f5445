"""Factors: one file per way to prove who you are."""
