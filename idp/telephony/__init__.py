"""Make calls over an organisation's own telephone system, by SIP.

A program beside the server, which asks it as it asks Twilio. It imports no other room.
"""
