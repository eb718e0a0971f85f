"""What can be wrong with a request to catalog."""

from cathouse_kit.problems import Conflict, Forbidden, InvalidRequest, NotFound, TooManyRequests

from cathouse_catalog.models import CatStatus


class CatNotFound(NotFound):
    title = "Cat not found"
    detail = "There is no cat by this name, or it is not published."


class NotYourCat(Forbidden):
    title = "Not your cat"
    detail = "Only the developer of a cat may change it."


class UnpublishedCatsHidden(Forbidden):
    title = "Unpublished cats hidden"
    detail = "Only admins see cats of others that are not published; add mine=true to see your own."


class SlugTaken(Conflict):
    title = "Slug taken"
    detail = "Another cat has this slug; choose another one."

    def __init__(self, slug: str) -> None:
        super().__init__(f"Another cat has the slug {slug}; choose another one.", slug=slug)


class NameMakesNoSlug(InvalidRequest):
    title = "Name makes no slug"
    detail = "No slug can be made of a name with so few Latin letters and digits; give a slug, too."

    def __init__(self) -> None:
        super().__init__(errors=[{"loc": ["body", "slug"], "msg": self.detail, "type": "missing"}])


class WrongStatus(Conflict):
    title = "Wrong status"
    detail = "A cat of this status does not allow this."

    def __init__(self, action: str, status: CatStatus, allowed: tuple[CatStatus, ...]) -> None:
        super().__init__(
            f"To {action} a cat, it must be {' or '.join(allowed)}; this one is {status}.",
            cat_status=status,
            allowed=list(allowed),
        )


class EndpointNotPending(Conflict):
    title = "Endpoint not pending"
    detail = "This is not the endpoint that waits for a review; read the cat again."

    def __init__(self, pending: str | None) -> None:
        super().__init__(pending_endpoint_url=pending)


class NotAdopted(Forbidden):
    title = "Not adopted"
    detail = "Only players who have adopted a cat may review it; adopt it first."


class EndpointReviewsHidden(Forbidden):
    title = "Endpoint reviews hidden"
    detail = "Only admins see which endpoints wait for a review; add mine=true to see your own."


class TooManyVersions(TooManyRequests):
    title = "Too many versions"
    detail = "This cat got as many versions as it may within 24 hours; try again later."

    def __init__(self, retry_after: int, limit: int) -> None:
        super().__init__(
            retry_after,
            f"This cat got {limit} versions within 24 hours, and may get no more; try again in {retry_after} seconds.",
            limit=limit,
        )


class VersionNotFound(NotFound):
    title = "Version not found"
    detail = "This cat has no such version, or it was never published."


class VersionNotHigher(Conflict):
    title = "Version not higher"
    detail = "Versions only rise, by the precedence of semantic versions."

    def __init__(self, version: str, current: str) -> None:
        super().__init__(
            f"Versions only rise: {version} is not higher than {current}.", current=current
        )


class ScopeWidened(Conflict):
    title = "Scope widened"
    detail = "A scope that was published may open fewer routes, never more; declare another scope for them."

    def __init__(self, scope: str, routes: list[str]) -> None:
        super().__init__(
            f"Players have granted {scope} without {', '.join(routes)}: declare another scope for that.",
            scope=scope,
            routes=routes,
        )


class ReviewNotFound(NotFound):
    title = "Review not found"
    detail = "You have not reviewed this cat."
