"""Demo: two tiny independent applications that sign people in through the provider, and a phone.

Expenses speaks SAML 2.0 (pysaml2's service provider side), Wiki speaks OpenID Connect (Authlib's
client side); Phone is an HTTP gateway for texts.  They import no room of the provider: all they know
of it is its address.
"""
