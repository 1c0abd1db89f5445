"""Policy: pure decisions about what a sign-in still needs, from rules that are data."""
