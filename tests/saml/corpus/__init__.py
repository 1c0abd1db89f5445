"""Messages as applications send them, and as attackers do: made by these files, kept as no blobs."""
