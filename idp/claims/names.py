"""Spell attribute names one way, whatever case they were written in (RFC 4512, 2.5)."""

from __future__ import annotations

from idp.core.ids import fold

# Of inetOrgPerson (RFC 2798, RFC 4519), eduPerson, SCHAC and Active Directory.
NAMES = (
    *("uid", "mail", "displayName", "cn", "givenName", "sn", "initials", "title", "preferredLanguage"),
    *("telephoneNumber", "mobile", "facsimileTelephoneNumber", "homePhone", "pager"),
    *("street", "postalAddress", "postalCode", "l", "st", "c", "o", "ou"),
    *("employeeNumber", "employeeType", "departmentNumber", "department", "company", "manager"),
    *("groups", "isMemberOf", "memberOf", "objectGUID", "sAMAccountName", "userPrincipalName"),
    *("eduPersonAffiliation", "eduPersonPrimaryAffiliation", "eduPersonScopedAffiliation"),
    *("eduPersonPrincipalName", "eduPersonUniqueId", "eduPersonTargetedID", "eduPersonOrcid"),
    *("eduPersonEntitlement", "eduPersonAssurance", "eduPersonNickname"),
    *("schacHomeOrganization", "schacHomeOrganizationType", "schacPersonalUniqueCode"),
)
_CANONICAL = {fold(name): name for name in NAMES}


def canonical(name: str) -> str:
    """Return a known attribute's name in its usual spelling; an unknown one as it is.

    Two names mean the same attribute when `core.ids.fold` makes them the same.
    """
    return _CANONICAL.get(fold(name), name)
