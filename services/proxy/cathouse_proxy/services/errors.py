"""Problems that end a proxied call, in the order in which they are checked."""

from cathouse_kit.problems import (
    BadRequest,
    Forbidden,
    NotFound,
    Problem,
    ServiceUnavailable,
    Unauthenticated,
)


class UnknownCredential(Unauthenticated):
    title = "Unknown credential"
    detail = (
        "No installation has this credential. If it was replaced, use the new one. To get a new one, the owner calls "
        "POST /api/v1/installations/{installation_id}/credential."
    )


class InstallationNotFound(NotFound):
    title = "Installation not found"
    detail = "You have no installation with this id. Check the id in the path."


class OwnerDisabled(Forbidden):
    title = "Owner disabled"
    detail = "The account of this installation's owner is disabled. Ask an admin to enable it."


class InstallationPaused(Forbidden):
    title = "Installation paused"
    detail = "This installation is paused. Its owner can resume it."


class InstallationUninstalled(Forbidden):
    title = "Installation uninstalled"
    detail = "This installation has been uninstalled. Its owner can adopt the cat again."


class CatSuspended(Forbidden):
    title = "Cat suspended"
    detail = "This cat is not published at the moment, so nobody can call it. An admin can restore a suspended cat."


class RequestRefused(BadRequest):
    """The request is ambiguous: if the proxy and the cat read it differently, a call could evade the checks."""

    title = "Request refused"
    detail = "This request is ambiguous, or the proxy does not forward requests of this kind."


class TargetTooLong(Problem):
    status = 414
    title = "Path or query too long"
    detail = "Path and query are longer than 8000 bytes together. Send long values in the body."


class HeadersTooLarge(Problem):
    status = 431
    title = "Headers too large"
    detail = "The request may have at most 100 headers, 8000 bytes each, and 32000 bytes together."


class ScopeMissing(Forbidden):
    title = "Scope missing"
    detail = (
        "This call needs a scope that the installation was not granted. Its owner can grant it."
    )


class CatCutOff(ServiceUnavailable):
    title = "Cat cut off"
    detail = "This cat failed too often, and gets no calls for a while. Try again after the seconds in Retry-After."

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after=retry_after)


class CallerTooSlow(Problem):
    status = 408
    title = "Request too slow"
    detail = "The request's body arrived too slowly. Try again with a smaller body or a faster connection."


class CatUnreachable(Problem):
    status = 502
    title = "Cat unreachable"
    detail = "The proxy could not connect to the cat. Try again later."


class CatAddressRefused(Problem):
    status = 502
    title = "Cat's address refused"
    detail = (
        "The cat's endpoint is not at a public address. Its developer must change the endpoint."
    )


class CatAnswerBroken(Problem):
    status = 502
    title = "Invalid response from the cat"
    detail = "The cat's response is not valid HTTP, or ended too early."


class CatAnswerTooLarge(Problem):
    status = 502
    title = "Response of the cat too large"
    detail = "The cat's response is larger than the proxy forwards. Request a smaller part of it."


class CatTimedOut(Problem):
    status = 504
    title = "Cat timed out"
    detail = "The cat did not respond in time. Try again later."
