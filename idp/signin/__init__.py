"""The hallway: one flow from a partner's request to the grant, and out again at sign-out."""
