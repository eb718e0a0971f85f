"""What can be wrong with a request to installation."""

from cathouse_kit.problems import Conflict, InvalidRequest, NotFound, TooManyRequests


class CatNotFound(NotFound):
    title = "Cat not found"
    detail = "No published cat has this id."


class DeveloperDisabled(Conflict):
    title = "Developer disabled"
    detail = "The developer of this cat has been disabled; it can neither be adopted nor get more scopes."


class InstallationNotFound(NotFound):
    title = "Installation not found"
    detail = "You have no installation with this id."


class UnknownInstallation(NotFound):
    title = "Unknown installation"
    detail = "No installation has this id, or this credential."


class InvalidScopes(InvalidRequest):
    title = "Invalid scopes"
    detail = "These scopes cannot be granted to this cat; errors says which, and why."


class IdempotencyKeyReused(InvalidRequest):
    title = "Idempotency key reused"
    detail = "This Idempotency-Key came with another body before; give each adoption its own."


class AlreadyAdopted(Conflict):
    title = "Already adopted"
    detail = "You have adopted this cat already, as installation_id; a cat can be adopted again once uninstalled."


class CredentialReplaced(Conflict):
    title = "Credential replaced"
    detail = (
        "This adoption succeeded before, and the credential that it gave is no longer the one of "
        "installation_id; POST /{installation_id}/credential gives a new one."
    )


class TooManyAdoptions(TooManyRequests):
    title = "Too many adoptions"
    detail = "You have adopted as many cats as one may within 24 hours; try again later."

    def __init__(self, retry_after: int, limit: int) -> None:
        super().__init__(
            retry_after,
            f"You have adopted {limit} cats within 24 hours; adopt more in {retry_after} seconds.",
            limit=limit,
        )


class InstallationUninstalled(Conflict):
    title = "Installation uninstalled"
    detail = "This installation has been uninstalled, for good; adopt the cat again."


class CatUnavailable(Conflict):
    title = "Cat unavailable"
    detail = "This cat is not published at the moment; until it is, no scopes can be added."
