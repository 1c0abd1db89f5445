"""The hallway: flow, lockout, sign-out, pages."""
