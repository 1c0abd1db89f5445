"""OpenID Connect and OAuth 2.0: the only room that knows Authlib and JOSE."""
