from uuid import UUID

from ....operations import AsyncOperations, Operations
from ...models.key_set import KeySet
from ...models.page_admin_action_body import PageAdminActionBody
from ...models.page_person_body import PagePersonBody
from ...models.password_change import PasswordChange
from ...models.person_body import PersonBody
from ...models.person_change import PersonChange
from ...models.profile_change import ProfileChange
from ...models.refresh_request import RefreshRequest
from ...models.registration import Registration
from ...models.sign_in import SignIn
from ...models.token_pair import TokenPair
from ...types import UNSET, Unset
from . import (
    auth_change_me,
    auth_change_my_password,
    auth_change_user,
    auth_jwks,
    auth_list_admin_actions,
    auth_list_users,
    auth_login,
    auth_logout,
    auth_read_me,
    auth_refresh,
    auth_register,
)


class Auth(Operations):
    """The operations of auth."""

    def register(
        self,
        *,
        body: Registration,
    ) -> PersonBody:
        """Create an account."""
        return self._perform(
            auth_register.request(
                body=body,
            ),
            auth_register.parse,
        )

    def login(
        self,
        *,
        body: SignIn,
    ) -> TokenPair:
        """Sign in."""
        return self._perform(
            auth_login.request(
                body=body,
            ),
            auth_login.parse,
        )

    def refresh(
        self,
        *,
        body: RefreshRequest,
    ) -> TokenPair:
        """Exchange a refresh token for a new pair of tokens."""
        return self._perform(
            auth_refresh.request(
                body=body,
            ),
            auth_refresh.parse,
        )

    def logout(
        self,
        *,
        body: RefreshRequest,
    ) -> None:
        """End a session."""
        return self._perform(
            auth_logout.request(
                body=body,
            ),
            auth_logout.parse,
        )

    def read_me(
        self,
    ) -> PersonBody:
        """Read my profile."""
        return self._perform(
            auth_read_me.request(),
            auth_read_me.parse,
        )

    def change_me(
        self,
        *,
        body: ProfileChange,
    ) -> PersonBody:
        """Change my profile."""
        return self._perform(
            auth_change_me.request(
                body=body,
            ),
            auth_change_me.parse,
        )

    def change_my_password(
        self,
        *,
        body: PasswordChange,
    ) -> None:
        """Change my password and end all my other sessions."""
        return self._perform(
            auth_change_my_password.request(
                body=body,
            ),
            auth_change_my_password.parse,
        )

    def list_users(
        self,
        *,
        limit: int | Unset = 20,
        cursor: None | str | Unset = UNSET,
    ) -> PagePersonBody:
        """List users, newest first."""
        return self._perform(
            auth_list_users.request(
                limit=limit,
                cursor=cursor,
            ),
            auth_list_users.parse,
        )

    def change_user(
        self,
        person_id: UUID,
        *,
        body: PersonChange,
    ) -> PersonBody:
        """Change the role of a user, or disable or enable the user."""
        return self._perform(
            auth_change_user.request(
                person_id=person_id,
                body=body,
            ),
            auth_change_user.parse,
        )

    def list_admin_actions(
        self,
        *,
        limit: int | Unset = 20,
        cursor: None | str | Unset = UNSET,
        admin_id: None | Unset | UUID = UNSET,
        subject_id: None | Unset | UUID = UNSET,
    ) -> PageAdminActionBody:
        """List admin actions, newest first.

        Actions are recorded as they happen, and never changed or deleted.
        """
        return self._perform(
            auth_list_admin_actions.request(
                limit=limit,
                cursor=cursor,
                admin_id=admin_id,
                subject_id=subject_id,
            ),
            auth_list_admin_actions.parse,
        )

    def jwks(
        self,
    ) -> KeySet:
        """Public keys of access tokens."""
        return self._perform(
            auth_jwks.request(),
            auth_jwks.parse,
        )


class AsyncAuth(AsyncOperations):
    """The operations of auth, for asyncio."""

    async def register(
        self,
        *,
        body: Registration,
    ) -> PersonBody:
        """Create an account."""
        return await self._perform(
            auth_register.request(
                body=body,
            ),
            auth_register.parse,
        )

    async def login(
        self,
        *,
        body: SignIn,
    ) -> TokenPair:
        """Sign in."""
        return await self._perform(
            auth_login.request(
                body=body,
            ),
            auth_login.parse,
        )

    async def refresh(
        self,
        *,
        body: RefreshRequest,
    ) -> TokenPair:
        """Exchange a refresh token for a new pair of tokens."""
        return await self._perform(
            auth_refresh.request(
                body=body,
            ),
            auth_refresh.parse,
        )

    async def logout(
        self,
        *,
        body: RefreshRequest,
    ) -> None:
        """End a session."""
        return await self._perform(
            auth_logout.request(
                body=body,
            ),
            auth_logout.parse,
        )

    async def read_me(
        self,
    ) -> PersonBody:
        """Read my profile."""
        return await self._perform(
            auth_read_me.request(),
            auth_read_me.parse,
        )

    async def change_me(
        self,
        *,
        body: ProfileChange,
    ) -> PersonBody:
        """Change my profile."""
        return await self._perform(
            auth_change_me.request(
                body=body,
            ),
            auth_change_me.parse,
        )

    async def change_my_password(
        self,
        *,
        body: PasswordChange,
    ) -> None:
        """Change my password and end all my other sessions."""
        return await self._perform(
            auth_change_my_password.request(
                body=body,
            ),
            auth_change_my_password.parse,
        )

    async def list_users(
        self,
        *,
        limit: int | Unset = 20,
        cursor: None | str | Unset = UNSET,
    ) -> PagePersonBody:
        """List users, newest first."""
        return await self._perform(
            auth_list_users.request(
                limit=limit,
                cursor=cursor,
            ),
            auth_list_users.parse,
        )

    async def change_user(
        self,
        person_id: UUID,
        *,
        body: PersonChange,
    ) -> PersonBody:
        """Change the role of a user, or disable or enable the user."""
        return await self._perform(
            auth_change_user.request(
                person_id=person_id,
                body=body,
            ),
            auth_change_user.parse,
        )

    async def list_admin_actions(
        self,
        *,
        limit: int | Unset = 20,
        cursor: None | str | Unset = UNSET,
        admin_id: None | Unset | UUID = UNSET,
        subject_id: None | Unset | UUID = UNSET,
    ) -> PageAdminActionBody:
        """List admin actions, newest first.

        Actions are recorded as they happen, and never changed or deleted.
        """
        return await self._perform(
            auth_list_admin_actions.request(
                limit=limit,
                cursor=cursor,
                admin_id=admin_id,
                subject_id=subject_id,
            ),
            auth_list_admin_actions.parse,
        )

    async def jwks(
        self,
    ) -> KeySet:
        """Public keys of access tokens."""
        return await self._perform(
            auth_jwks.request(),
            auth_jwks.parse,
        )
