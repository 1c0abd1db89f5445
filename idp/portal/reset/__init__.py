"""Reset: people who forgot their password choose a new one behind two other ways."""
