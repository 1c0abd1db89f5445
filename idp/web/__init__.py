"""Web: the Flask plumbing every page stands on; knows nothing of protocols or factors."""
