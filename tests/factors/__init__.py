"""Tests of the factors room."""
