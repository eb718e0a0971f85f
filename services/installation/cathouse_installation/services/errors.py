"""Problems that installation responds with."""

from cathouse_kit.problems import Conflict, InvalidRequest, NotFound, TooManyRequests


class CatNotFound(NotFound):
    title = "Cat not found"
    detail = "No published cat has this id. Check the id."


class DeveloperDisabled(Conflict):
    title = "Developer disabled"
    detail = (
        "The developer of this cat is disabled. Nobody can adopt the cat or grant it more scopes."
    )


class InstallationNotFound(NotFound):
    title = "Installation not found"
    detail = "You have no installation with this id. Check the id."


class UnknownInstallation(NotFound):
    title = "Unknown installation"
    detail = "No installation has this id or credential."


class InvalidScopes(InvalidRequest):
    title = "Invalid scopes"
    detail = "Some of these scopes cannot be granted, or a required one is missing. See errors."


class IdempotencyKeyReused(InvalidRequest):
    title = "Idempotency key reused"
    detail = (
        "This Idempotency-Key was already used with another body. Use a new key for each adoption."
    )


class AlreadyAdopted(Conflict):
    title = "Already adopted"
    detail = "You have already adopted this cat; see installation_id. To adopt it again, uninstall it first."


class CredentialReplaced(Conflict):
    title = "Credential replaced"
    detail = (
        "This adoption succeeded before, but its credential is no longer valid. To get a new one, call "
        "POST /api/v1/installations/{installation_id}/credential."
    )


class TooManyAdoptions(TooManyRequests):
    title = "Too many adoptions"
    detail = "You have reached the limit of adoptions within 24 hours. Try again later."

    def __init__(self, retry_after: int, limit: int) -> None:
        super().__init__(
            retry_after,
            f"You adopted {limit} cats within 24 hours, which is the limit. Try again in {retry_after} seconds.",
            limit=limit,
        )


class InstallationUninstalled(Conflict):
    title = "Installation uninstalled"
    detail = "This installation was uninstalled, which is final. Adopt the cat again."


class CatUnavailable(Conflict):
    title = "Cat unavailable"
    detail = "This cat is not published at the moment. You can remove scopes, but not add any."
