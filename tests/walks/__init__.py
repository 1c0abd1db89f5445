"""Whole walks: a real `idp serve`, real browsers, real applications."""
