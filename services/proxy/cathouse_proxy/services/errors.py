"""What can end a proxied call, in the order in which it is looked for."""

from cathouse_kit.problems import (
    BadRequest,
    Forbidden,
    NotFound,
    Problem,
    ServiceUnavailable,
    Unauthenticated,
)


class UnknownCredential(Unauthenticated):
    title = "Credential not known"
    detail = "No installation has this credential now; it may have been replaced by a new one."


class InstallationNotFound(NotFound):
    title = "Installation not found"
    detail = "No installation of yours has this id."


class OwnerDisabled(Forbidden):
    title = "Owner disabled"
    detail = "The account of this installation's owner has been disabled; an admin can enable it."


class InstallationPaused(Forbidden):
    title = "Installation paused"
    detail = "This installation is paused; its owner can resume it."


class InstallationUninstalled(Forbidden):
    title = "Installation uninstalled"
    detail = "This installation has been uninstalled."


class CatSuspended(Forbidden):
    title = "Cat suspended"
    detail = "This cat is not published at present; nobody can call it."


class RequestRefused(BadRequest):
    """Something in the request that two programs could understand differently, which is how checks are evaded."""

    title = "Request refused"
    detail = "This request is ambiguous, or asks for what the proxy does not pass on."


class TargetTooLong(Problem):
    status = 414
    title = "Path or query too long"
    detail = "Path and query may have 8000 bytes at most."


class HeadersTooLarge(Problem):
    status = 431
    title = "Headers too large"
    detail = "There may be 100 headers, of 8000 bytes each and 32000 bytes together."


class ScopeMissing(Forbidden):
    title = "Scope missing"
    detail = "The installation has not been granted the scope that this call needs."


class CatCutOff(ServiceUnavailable):
    title = "Cat cut off"
    detail = "This cat has failed too often; it is left alone for a while."

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after=retry_after)


class CallerTooSlow(Problem):
    status = 408
    title = "Request too slow"
    detail = "The request's body did not arrive in time."


class CatUnreachable(Problem):
    status = 502
    title = "Cat unreachable"
    detail = "No connection to the cat could be made."


class CatAddressRefused(Problem):
    status = 502
    title = "Cat's address refused"
    detail = "The cat's endpoint is not at a public address; its developer must change it."


class CatAnswerBroken(Problem):
    status = 502
    title = "Cat's answer broken"
    detail = "The cat did not answer in valid HTTP, or broke off."


class CatAnswerTooLarge(Problem):
    status = 502
    title = "Cat's answer too large"
    detail = "The cat's answer is larger than the proxy passes on."


class CatTimedOut(Problem):
    status = 504
    title = "Cat timed out"
    detail = "The cat did not answer in time."
