"""Directory: people, where they come from, and the check of their passwords."""
