"""Countersign: a self-hosted federation identity provider."""
