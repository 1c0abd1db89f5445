"""Methods: what each person registered to prove who they are, with the secrets sealed."""

from idp.methods.registered import Methods, label_of

__all__ = ["Methods", "label_of"]
