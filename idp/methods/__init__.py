"""Methods: what each person registered to prove who they are, with the secrets sealed."""

from idp.methods.registered import Held, Methods, label_of

__all__ = ["Held", "Methods", "label_of"]
