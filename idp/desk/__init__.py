"""Desk: what administrators may do to people, methods, partners, keys and policy.

One file per noun. Each verb takes the Actor, checks the right, makes the change and records it;
the command line, the console and the API all call these.
"""
