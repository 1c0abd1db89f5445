"""The SAML 2.0 front door; the only room that imports pysaml2."""
