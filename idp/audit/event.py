"""What can happen, by name and by the number that AD FS gives it."""

# ruff: noqa: S105
# These are names of events, not passwords.

from __future__ import annotations

from enum import StrEnum


class Event(StrEnum):
    """An event worth recording."""

    # Answers to partners
    TOKEN_ISSUED = "token-issued"
    TOKEN_DENIED = "token-denied"
    LOOP_STOPPED = "loop-stopped"
    GRANT_REDEEMED = "grant-redeemed"
    GRANT_REPLAYED = "grant-replayed"
    GRANT_REFRESHED = "grant-refreshed"
    REFRESH_REPLAYED = "refresh-replayed"
    TOKEN_REVOKED = "token-revoked"
    CLIENT_REFUSED = "client-refused"
    MESSAGE_REFUSED = "message-refused"
    # People proving who they are
    CREDENTIAL_ACCEPTED = "credential-accepted"
    CREDENTIAL_REFUSED = "credential-refused"
    CREDENTIAL_UNCHECKED = "credential-unchecked"
    ASKED_AGAIN = "asked-again"
    SIGN_IN_EXPIRED = "sign-in-expired"
    LOCKED = "locked"
    RIGHT_WHILE_LOCKED = "right-while-locked"
    UNLOCKED = "unlocked"
    CODE_SENT = "code-sent"
    CODE_WITHHELD = "code-withheld"
    PHONE_ASKED = "phone-asked"
    PHONE_NOT_ASKED = "phone-not-asked"
    PHONE_ANSWERED = "phone-answered"
    FRAUD_REPORTED = "fraud-reported"
    SIGNED_OUT = "signed-out"
    SIGN_OUT_FAILED = "sign-out-failed"
    CONSENT_GIVEN = "consent-given"
    CONSENT_WITHDRAWN = "consent-withdrawn"
    # Text messages and mail
    DELIVERY_ACCEPTED = "delivery-accepted"
    DELIVERY_REPORTED = "delivery-reported"
    DELIVERY_FAILED = "delivery-failed"
    # People and what they registered
    PASSWORD_CHANGED = "password-changed"
    PASSWORD_RESET = "password-reset"
    METHOD_ADDED = "method-added"
    METHOD_REMOVED = "method-removed"
    METHOD_COPIED = "method-copied"
    METHOD_CHANGED = "method-changed"
    SIGN_IN_DISOWNED = "sign-in-disowned"
    METHODS_CONFIRMED = "methods-confirmed"
    METHOD_PREFERRED = "method-preferred"
    CAMPAIGN_SNOOZED = "campaign-snoozed"
    BROWSER_TRUSTED = "browser-trusted"
    BROWSERS_FORGOTTEN = "browsers-forgotten"
    ENROLMENT_REOPENED = "enrolment-reopened"
    PERSON_ADDED = "person-added"
    PERSON_EXPORTED = "person-exported"
    PERSON_ERASED = "person-erased"
    PERSON_CHANGED = "person-changed"
    PERSON_DISABLED = "person-disabled"
    PERSON_ENABLED = "person-enabled"
    PERSON_BLOCKED = "person-blocked"
    PERSON_UNBLOCKED = "person-unblocked"
    # Configuration
    PARTNER_ADDED = "partner-added"
    PARTNER_CHANGED = "partner-changed"
    PARTNER_DISABLED = "partner-disabled"
    PARTNER_ENABLED = "partner-enabled"
    PARTNER_REMOVED = "partner-removed"
    METADATA_WATCHED = "metadata-watched"
    METADATA_UNWATCHED = "metadata-unwatched"
    METADATA_APPLIED = "metadata-applied"
    METADATA_HELD = "metadata-held"
    METADATA_REJECTED = "metadata-rejected"
    METADATA_REFUSED = "metadata-refused"
    CARRIER_SAVED = "carrier-saved"
    CARRIER_REMOVED = "carrier-removed"
    CARRIERS_ORDERED = "carriers-ordered"
    CARRIER_TESTED = "carrier-tested"
    KEYS_ROTATED = "keys-rotated"
    MASTER_KEY_CHANGED = "master-key-changed"
    DATABASE_RESTORED = "database-restored"
    POLICY_CHANGED = "policy-changed"
    NETWORK_BANNED = "network-banned"
    NETWORK_UNBANNED = "network-unbanned"
    LIMITS_CHANGED = "limits-changed"
    METHODS_CONFIGURED = "methods-configured"

    @property
    def number(self) -> int:
        """Return AD FS' event id for it, 0 where AD FS has none."""
        return _NUMBERS.get(self, 0)


# So that rules written for AD FS' security log go on working.
_NUMBERS = {
    Event.TOKEN_ISSUED: 1200,
    Event.TOKEN_DENIED: 1201,
    Event.LOOP_STOPPED: 364,
    Event.CREDENTIAL_ACCEPTED: 1202,
    Event.CREDENTIAL_REFUSED: 1203,
    Event.PASSWORD_CHANGED: 1204,
    Event.PASSWORD_RESET: 1204,
    Event.SIGNED_OUT: 1206,
    Event.SIGN_OUT_FAILED: 1207,
    Event.LOCKED: 1210,
    Event.RIGHT_WHILE_LOCKED: 515,
}
