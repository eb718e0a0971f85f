"""Problems that catalog responds with."""

from cathouse_kit.problems import Conflict, Forbidden, InvalidRequest, NotFound, TooManyRequests

from cathouse_catalog.models import CatStatus


class CatNotFound(NotFound):
    title = "Cat not found"
    detail = "No cat has this id or slug, or it is not published."


class NotYourCat(Forbidden):
    title = "Not your cat"
    detail = "Only the developer of this cat can change it."


class UnpublishedCatsHidden(Forbidden):
    title = "Unpublished cats hidden"
    detail = (
        "Only admins can list unpublished cats of other people. To list your own, add mine=true."
    )


class SlugTaken(Conflict):
    title = "Slug taken"
    detail = "Another cat has this slug. Choose another slug."

    def __init__(self, slug: str) -> None:
        super().__init__(f"Another cat has the slug {slug}. Choose another slug.", slug=slug)


class NameMakesNoSlug(InvalidRequest):
    title = "No slug from this name"
    detail = "The name has too few Latin letters and digits to derive a slug. Set slug, too."

    def __init__(self) -> None:
        super().__init__(errors=[{"loc": ["body", "slug"], "msg": self.detail, "type": "missing"}])


class WrongStatus(Conflict):
    title = "Wrong status"
    detail = "The status of the cat does not allow this action."

    def __init__(self, action: str, status: CatStatus, allowed: tuple[CatStatus, ...]) -> None:
        super().__init__(
            f"The cat is {status}. To {action} a cat, its status must be {' or '.join(allowed)}.",
            cat_status=status,
            allowed=list(allowed),
        )


class EndpointNotPending(Conflict):
    title = "Endpoint not pending"
    detail = (
        "This endpoint does not wait for a review. Read the cat again: see pending_endpoint_url."
    )

    def __init__(self, pending: str | None) -> None:
        super().__init__(pending_endpoint_url=pending)


class NotAdopted(Forbidden):
    title = "Not adopted"
    detail = "Only players who have adopted this cat can review it. Adopt it first."


class EndpointReviewsHidden(Forbidden):
    title = "Endpoint reviews hidden"
    detail = "Only admins can list pending endpoints of other people's cats. To list your own, add mine=true."


class TooManyVersions(TooManyRequests):
    title = "Too many versions"
    detail = "This cat has reached the limit of new versions within 24 hours. Try again later."

    def __init__(self, retry_after: int, limit: int) -> None:
        super().__init__(
            retry_after,
            f"This cat got {limit} versions within 24 hours, which is the limit. Try again in {retry_after} seconds.",
            limit=limit,
        )


class VersionNotFound(NotFound):
    title = "Version not found"
    detail = "This cat does not have this version, or the version was never published."


class VersionNotHigher(Conflict):
    title = "Version not higher"
    detail = "The new version must be higher than the current one (semantic versioning)."

    def __init__(self, version: str, current: str) -> None:
        super().__init__(
            f"The version {version} is not higher than the current version {current}. Choose a higher one.",
            current=current,
        )


class ScopeWidened(Conflict):
    title = "Scope widened"
    detail = "A published scope cannot allow more routes. Declare a scope with a new name for them."

    def __init__(self, scope: str, routes: list[str]) -> None:
        super().__init__(
            f"The scope {scope} was published without {', '.join(routes)}. Declare a scope with a new name for that.",
            scope=scope,
            routes=routes,
        )


class ReviewNotFound(NotFound):
    title = "Review not found"
    detail = "You have not reviewed this cat."
