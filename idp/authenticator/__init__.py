"""The phone app's front door: its page, and the calls that it signs with the phone's key."""
