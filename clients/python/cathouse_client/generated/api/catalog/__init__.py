from uuid import UUID

from ....operations import AsyncOperations, Operations
from ...models.cat_body import CatBody
from ...models.cat_changes import CatChanges
from ...models.cat_sort import CatSort
from ...models.cat_status import CatStatus
from ...models.endpoint_review import EndpointReview
from ...models.featuring import Featuring
from ...models.new_cat import NewCat
from ...models.new_review import NewReview
from ...models.new_version import NewVersion
from ...models.page_admin_action_body import PageAdminActionBody
from ...models.page_category_body import PageCategoryBody
from ...models.page_listed_cat import PageListedCat
from ...models.page_listed_version import PageListedVersion
from ...models.page_review_body import PageReviewBody
from ...models.rejection import Rejection
from ...models.review_body import ReviewBody
from ...models.version_body import VersionBody
from ...types import UNSET, Unset
from . import (
    catalog_add_version,
    catalog_approve_cat,
    catalog_approve_endpoint,
    catalog_change_cat,
    catalog_create_cat,
    catalog_delete_my_review,
    catalog_feature_cat,
    catalog_list_admin_actions,
    catalog_list_categories,
    catalog_list_cats,
    catalog_list_reviews,
    catalog_list_versions,
    catalog_read_cat,
    catalog_read_version,
    catalog_reject_cat,
    catalog_reject_endpoint,
    catalog_restore_cat,
    catalog_submit_cat,
    catalog_suspend_cat,
    catalog_write_my_review,
)


class Catalog(Operations):
    """The operations of catalog."""

    def list_cats(
        self,
        *,
        limit: int | Unset = 20,
        cursor: None | str | Unset = UNSET,
        q: None | str | Unset = UNSET,
        category: None | str | Unset = UNSET,
        featured: bool | None | Unset = UNSET,
        sort: CatSort | None | Unset = UNSET,
        status: CatStatus | None | Unset = UNSET,
        mine: bool | Unset = False,
        endpoint_pending: bool | Unset = False,
    ) -> PageListedCat:
        """Find cats.

        Everyone can list published cats, without signing in.

        Developers list their own cats, including drafts, with `mine=true`. Admins list cats that wait for review with
        `status=submitted`.
        """
        return self._perform(
            catalog_list_cats.request(
                limit=limit,
                cursor=cursor,
                q=q,
                category=category,
                featured=featured,
                sort=sort,
                status=status,
                mine=mine,
                endpoint_pending=endpoint_pending,
            ),
            catalog_list_cats.parse,
        )

    def create_cat(
        self,
        *,
        body: NewCat,
    ) -> CatBody:
        """Create a cat.

        The new cat is a draft. Only its developer and admins see it until it is submitted and approved.
        """
        return self._perform(
            catalog_create_cat.request(
                body=body,
            ),
            catalog_create_cat.parse,
        )

    def read_cat(
        self,
        cat_id: str,
    ) -> CatBody:
        """Get a cat.

        Only its developer and admins can read a cat that is not published.
        """
        return self._perform(
            catalog_read_cat.request(
                cat_id=cat_id,
            ),
            catalog_read_cat.parse,
        )

    def change_cat(
        self,
        cat_id: UUID,
        *,
        body: CatChanges,
    ) -> CatBody:
        """Change a cat.

        Changes of a published cat are visible at once. A submitted cat cannot be changed until its review is over.

        After publication, moving `endpoint_url` to another scheme, host or port needs a review. The new address is stored
        as `pending_endpoint_url`, and the cat keeps its old endpoint until an admin approves the new one. To cancel the
        move, set `endpoint_url` to its current value.
        """
        return self._perform(
            catalog_change_cat.request(
                cat_id=cat_id,
                body=body,
            ),
            catalog_change_cat.parse,
        )

    def list_versions(
        self,
        cat_id: str,
        *,
        limit: int | Unset = 20,
        cursor: None | str | Unset = UNSET,
    ) -> PageListedVersion:
        """List the versions of a cat.

        The list begins with the highest. Only the cat's developer and admins see versions that were never published.
        """
        return self._perform(
            catalog_list_versions.request(
                cat_id=cat_id,
                limit=limit,
                cursor=cursor,
            ),
            catalog_list_versions.parse,
        )

    def add_version(
        self,
        cat_id: UUID,
        *,
        body: NewVersion,
    ) -> VersionBody:
        """Add a version to a cat.

        The new version becomes the current one at once, also of a published cat. It needs no review.

        A published scope may allow fewer routes than before, but never more, because players have already granted it. For
        more routes, declare a scope with a new name, which players can grant.
        """
        return self._perform(
            catalog_add_version.request(
                cat_id=cat_id,
                body=body,
            ),
            catalog_add_version.parse,
        )

    def read_version(
        self,
        cat_id: str,
        version: str,
    ) -> VersionBody:
        """Get a version of a cat.

        The response includes the scopes that the version declared. Lists omit them.
        """
        return self._perform(
            catalog_read_version.request(
                cat_id=cat_id,
                version=version,
            ),
            catalog_read_version.parse,
        )

    def submit_cat(
        self,
        cat_id: UUID,
    ) -> CatBody:
        """Submit a cat for review.

        The status changes from `draft` to `submitted`. The cat cannot be changed until an admin has decided.
        """
        return self._perform(
            catalog_submit_cat.request(
                cat_id=cat_id,
            ),
            catalog_submit_cat.parse,
        )

    def approve_cat(
        self,
        cat_id: UUID,
    ) -> CatBody:
        """Publish a cat.

        The status changes from `submitted` to `published`.
        """
        return self._perform(
            catalog_approve_cat.request(
                cat_id=cat_id,
            ),
            catalog_approve_cat.parse,
        )

    def reject_cat(
        self,
        cat_id: UUID,
        *,
        body: Rejection,
    ) -> CatBody:
        """Reject a cat.

        The status changes from `submitted` to `rejected`, which is final.

        The developer finds the reason in the cat's `rejection_reason`.
        """
        return self._perform(
            catalog_reject_cat.request(
                cat_id=cat_id,
                body=body,
            ),
            catalog_reject_cat.parse,
        )

    def suspend_cat(
        self,
        cat_id: UUID,
    ) -> CatBody:
        """Suspend a cat.

        The status changes from `published` to `suspended`. The cat is no longer featured.
        """
        return self._perform(
            catalog_suspend_cat.request(
                cat_id=cat_id,
            ),
            catalog_suspend_cat.parse,
        )

    def restore_cat(
        self,
        cat_id: UUID,
    ) -> CatBody:
        """Publish a suspended cat again.

        The status changes from `suspended` to `published`.
        """
        return self._perform(
            catalog_restore_cat.request(
                cat_id=cat_id,
            ),
            catalog_restore_cat.parse,
        )

    def approve_endpoint(
        self,
        cat_id: UUID,
        *,
        body: EndpointReview,
    ) -> CatBody:
        """Approve a cat's pending endpoint.

        `pending_endpoint_url` becomes `endpoint_url`. From now on, calls of the cat go there.
        """
        return self._perform(
            catalog_approve_endpoint.request(
                cat_id=cat_id,
                body=body,
            ),
            catalog_approve_endpoint.parse,
        )

    def reject_endpoint(
        self,
        cat_id: UUID,
        *,
        body: EndpointReview,
    ) -> CatBody:
        """Reject a cat's pending endpoint.

        The cat keeps its old endpoint, and `pending_endpoint_url` is removed.
        """
        return self._perform(
            catalog_reject_endpoint.request(
                cat_id=cat_id,
                body=body,
            ),
            catalog_reject_endpoint.parse,
        )

    def feature_cat(
        self,
        cat_id: UUID,
        *,
        body: Featuring,
    ) -> CatBody:
        """Feature a cat, or stop featuring it.

        Only a published cat can be featured.
        """
        return self._perform(
            catalog_feature_cat.request(
                cat_id=cat_id,
                body=body,
            ),
            catalog_feature_cat.parse,
        )

    def list_reviews(
        self,
        cat_id: str,
        *,
        limit: int | Unset = 20,
        cursor: None | str | Unset = UNSET,
    ) -> PageReviewBody:
        """List the reviews of a cat.

        The list begins with the newest. Everyone who can see the cat can see its reviews.
        """
        return self._perform(
            catalog_list_reviews.request(
                cat_id=cat_id,
                limit=limit,
                cursor=cursor,
            ),
            catalog_list_reviews.parse,
        )

    def write_my_review(
        self,
        cat_id: UUID,
        *,
        body: NewReview,
    ) -> ReviewBody:
        """Review a cat, or change my review.

        Players who have adopted the cat, now or in the past, can write one review of it. Writing again replaces it.
        """
        return self._perform(
            catalog_write_my_review.request(
                cat_id=cat_id,
                body=body,
            ),
            catalog_write_my_review.parse,
        )

    def delete_my_review(
        self,
        cat_id: UUID,
    ) -> None:
        """Delete my review."""
        return self._perform(
            catalog_delete_my_review.request(
                cat_id=cat_id,
            ),
            catalog_delete_my_review.parse,
        )

    def list_categories(
        self,
        *,
        limit: int | Unset = 20,
        cursor: None | str | Unset = UNSET,
    ) -> PageCategoryBody:
        """List categories, with their number of cats.

        The list holds every category with a published cat, in alphabetical order.
        """
        return self._perform(
            catalog_list_categories.request(
                limit=limit,
                cursor=cursor,
            ),
            catalog_list_categories.parse,
        )

    def list_admin_actions(
        self,
        *,
        limit: int | Unset = 20,
        cursor: None | str | Unset = UNSET,
        admin_id: None | Unset | UUID = UNSET,
        subject_id: None | Unset | UUID = UNSET,
    ) -> PageAdminActionBody:
        """List actions of admins, newest first.

        Actions are recorded in the transaction that performs them, and are never changed or deleted.
        """
        return self._perform(
            catalog_list_admin_actions.request(
                limit=limit,
                cursor=cursor,
                admin_id=admin_id,
                subject_id=subject_id,
            ),
            catalog_list_admin_actions.parse,
        )


class AsyncCatalog(AsyncOperations):
    """The operations of catalog, for asyncio."""

    async def list_cats(
        self,
        *,
        limit: int | Unset = 20,
        cursor: None | str | Unset = UNSET,
        q: None | str | Unset = UNSET,
        category: None | str | Unset = UNSET,
        featured: bool | None | Unset = UNSET,
        sort: CatSort | None | Unset = UNSET,
        status: CatStatus | None | Unset = UNSET,
        mine: bool | Unset = False,
        endpoint_pending: bool | Unset = False,
    ) -> PageListedCat:
        """Find cats.

        Everyone can list published cats, without signing in.

        Developers list their own cats, including drafts, with `mine=true`. Admins list cats that wait for review with
        `status=submitted`.
        """
        return await self._perform(
            catalog_list_cats.request(
                limit=limit,
                cursor=cursor,
                q=q,
                category=category,
                featured=featured,
                sort=sort,
                status=status,
                mine=mine,
                endpoint_pending=endpoint_pending,
            ),
            catalog_list_cats.parse,
        )

    async def create_cat(
        self,
        *,
        body: NewCat,
    ) -> CatBody:
        """Create a cat.

        The new cat is a draft. Only its developer and admins see it until it is submitted and approved.
        """
        return await self._perform(
            catalog_create_cat.request(
                body=body,
            ),
            catalog_create_cat.parse,
        )

    async def read_cat(
        self,
        cat_id: str,
    ) -> CatBody:
        """Get a cat.

        Only its developer and admins can read a cat that is not published.
        """
        return await self._perform(
            catalog_read_cat.request(
                cat_id=cat_id,
            ),
            catalog_read_cat.parse,
        )

    async def change_cat(
        self,
        cat_id: UUID,
        *,
        body: CatChanges,
    ) -> CatBody:
        """Change a cat.

        Changes of a published cat are visible at once. A submitted cat cannot be changed until its review is over.

        After publication, moving `endpoint_url` to another scheme, host or port needs a review. The new address is stored
        as `pending_endpoint_url`, and the cat keeps its old endpoint until an admin approves the new one. To cancel the
        move, set `endpoint_url` to its current value.
        """
        return await self._perform(
            catalog_change_cat.request(
                cat_id=cat_id,
                body=body,
            ),
            catalog_change_cat.parse,
        )

    async def list_versions(
        self,
        cat_id: str,
        *,
        limit: int | Unset = 20,
        cursor: None | str | Unset = UNSET,
    ) -> PageListedVersion:
        """List the versions of a cat.

        The list begins with the highest. Only the cat's developer and admins see versions that were never published.
        """
        return await self._perform(
            catalog_list_versions.request(
                cat_id=cat_id,
                limit=limit,
                cursor=cursor,
            ),
            catalog_list_versions.parse,
        )

    async def add_version(
        self,
        cat_id: UUID,
        *,
        body: NewVersion,
    ) -> VersionBody:
        """Add a version to a cat.

        The new version becomes the current one at once, also of a published cat. It needs no review.

        A published scope may allow fewer routes than before, but never more, because players have already granted it. For
        more routes, declare a scope with a new name, which players can grant.
        """
        return await self._perform(
            catalog_add_version.request(
                cat_id=cat_id,
                body=body,
            ),
            catalog_add_version.parse,
        )

    async def read_version(
        self,
        cat_id: str,
        version: str,
    ) -> VersionBody:
        """Get a version of a cat.

        The response includes the scopes that the version declared. Lists omit them.
        """
        return await self._perform(
            catalog_read_version.request(
                cat_id=cat_id,
                version=version,
            ),
            catalog_read_version.parse,
        )

    async def submit_cat(
        self,
        cat_id: UUID,
    ) -> CatBody:
        """Submit a cat for review.

        The status changes from `draft` to `submitted`. The cat cannot be changed until an admin has decided.
        """
        return await self._perform(
            catalog_submit_cat.request(
                cat_id=cat_id,
            ),
            catalog_submit_cat.parse,
        )

    async def approve_cat(
        self,
        cat_id: UUID,
    ) -> CatBody:
        """Publish a cat.

        The status changes from `submitted` to `published`.
        """
        return await self._perform(
            catalog_approve_cat.request(
                cat_id=cat_id,
            ),
            catalog_approve_cat.parse,
        )

    async def reject_cat(
        self,
        cat_id: UUID,
        *,
        body: Rejection,
    ) -> CatBody:
        """Reject a cat.

        The status changes from `submitted` to `rejected`, which is final.

        The developer finds the reason in the cat's `rejection_reason`.
        """
        return await self._perform(
            catalog_reject_cat.request(
                cat_id=cat_id,
                body=body,
            ),
            catalog_reject_cat.parse,
        )

    async def suspend_cat(
        self,
        cat_id: UUID,
    ) -> CatBody:
        """Suspend a cat.

        The status changes from `published` to `suspended`. The cat is no longer featured.
        """
        return await self._perform(
            catalog_suspend_cat.request(
                cat_id=cat_id,
            ),
            catalog_suspend_cat.parse,
        )

    async def restore_cat(
        self,
        cat_id: UUID,
    ) -> CatBody:
        """Publish a suspended cat again.

        The status changes from `suspended` to `published`.
        """
        return await self._perform(
            catalog_restore_cat.request(
                cat_id=cat_id,
            ),
            catalog_restore_cat.parse,
        )

    async def approve_endpoint(
        self,
        cat_id: UUID,
        *,
        body: EndpointReview,
    ) -> CatBody:
        """Approve a cat's pending endpoint.

        `pending_endpoint_url` becomes `endpoint_url`. From now on, calls of the cat go there.
        """
        return await self._perform(
            catalog_approve_endpoint.request(
                cat_id=cat_id,
                body=body,
            ),
            catalog_approve_endpoint.parse,
        )

    async def reject_endpoint(
        self,
        cat_id: UUID,
        *,
        body: EndpointReview,
    ) -> CatBody:
        """Reject a cat's pending endpoint.

        The cat keeps its old endpoint, and `pending_endpoint_url` is removed.
        """
        return await self._perform(
            catalog_reject_endpoint.request(
                cat_id=cat_id,
                body=body,
            ),
            catalog_reject_endpoint.parse,
        )

    async def feature_cat(
        self,
        cat_id: UUID,
        *,
        body: Featuring,
    ) -> CatBody:
        """Feature a cat, or stop featuring it.

        Only a published cat can be featured.
        """
        return await self._perform(
            catalog_feature_cat.request(
                cat_id=cat_id,
                body=body,
            ),
            catalog_feature_cat.parse,
        )

    async def list_reviews(
        self,
        cat_id: str,
        *,
        limit: int | Unset = 20,
        cursor: None | str | Unset = UNSET,
    ) -> PageReviewBody:
        """List the reviews of a cat.

        The list begins with the newest. Everyone who can see the cat can see its reviews.
        """
        return await self._perform(
            catalog_list_reviews.request(
                cat_id=cat_id,
                limit=limit,
                cursor=cursor,
            ),
            catalog_list_reviews.parse,
        )

    async def write_my_review(
        self,
        cat_id: UUID,
        *,
        body: NewReview,
    ) -> ReviewBody:
        """Review a cat, or change my review.

        Players who have adopted the cat, now or in the past, can write one review of it. Writing again replaces it.
        """
        return await self._perform(
            catalog_write_my_review.request(
                cat_id=cat_id,
                body=body,
            ),
            catalog_write_my_review.parse,
        )

    async def delete_my_review(
        self,
        cat_id: UUID,
    ) -> None:
        """Delete my review."""
        return await self._perform(
            catalog_delete_my_review.request(
                cat_id=cat_id,
            ),
            catalog_delete_my_review.parse,
        )

    async def list_categories(
        self,
        *,
        limit: int | Unset = 20,
        cursor: None | str | Unset = UNSET,
    ) -> PageCategoryBody:
        """List categories, with their number of cats.

        The list holds every category with a published cat, in alphabetical order.
        """
        return await self._perform(
            catalog_list_categories.request(
                limit=limit,
                cursor=cursor,
            ),
            catalog_list_categories.parse,
        )

    async def list_admin_actions(
        self,
        *,
        limit: int | Unset = 20,
        cursor: None | str | Unset = UNSET,
        admin_id: None | Unset | UUID = UNSET,
        subject_id: None | Unset | UUID = UNSET,
    ) -> PageAdminActionBody:
        """List actions of admins, newest first.

        Actions are recorded in the transaction that performs them, and are never changed or deleted.
        """
        return await self._perform(
            catalog_list_admin_actions.request(
                limit=limit,
                cursor=cursor,
                admin_id=admin_id,
                subject_id=subject_id,
            ),
            catalog_list_admin_actions.parse,
        )
