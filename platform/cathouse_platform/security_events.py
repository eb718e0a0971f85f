"""The security events of the platform. `cathouse_kit.security_events` logs them."""

from enum import StrEnum

from cathouse_kit.signing_keys import KEY_ROTATED


class SecurityEvent(StrEnum):
    """The name of an event. Operators search for these names, so add new ones but keep the old ones.

    docs/reference/security-events.md describes each.
    """

    SIGN_IN_FAILED = "sign_in_failed"
    SIGNED_IN = "signed_in"
    SESSION_ENDED = "session_ended"
    PASSWORD_CHANGE_FAILED = "password_change_failed"  # noqa: S105 - the name of an event
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the name of an event
    ADMIN_CREATED = "admin_created"
    ROLE_CHANGED = "role_changed"
    ACCOUNT_DISABLED = "account_disabled"
    ACCOUNT_ENABLED = "account_enabled"
    CAT_APPROVED = "cat_approved"
    CAT_REJECTED = "cat_rejected"
    CAT_SUSPENDED = "cat_suspended"
    CAT_RESTORED = "cat_restored"
    CAT_FEATURED = "cat_featured"
    CAT_UNFEATURED = "cat_unfeatured"
    ENDPOINT_APPROVED = "endpoint_approved"
    ENDPOINT_REJECTED = "endpoint_rejected"
    CREDENTIAL_ROTATED = "credential_rotated"
    SIGNING_KEY_ROTATED = KEY_ROTATED
