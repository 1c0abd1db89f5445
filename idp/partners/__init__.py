"""Partners: the applications that trust us, their settings and metadata."""
