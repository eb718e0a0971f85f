from uuid import UUID

from ....operations import AsyncOperations, Operations
from ...models.adoption import Adoption
from ...models.installation_body import InstallationBody
from ...models.installation_change import InstallationChange
from ...models.installation_with_credential import InstallationWithCredential
from ...models.page_installation_body import PageInstallationBody
from ...models.scopes_change import ScopesChange
from ...types import UNSET, Unset
from . import (
    installation_adopt_cat,
    installation_change_installation,
    installation_list_installations,
    installation_pause_installation,
    installation_read_installation,
    installation_replace_scopes,
    installation_resume_installation,
    installation_rotate_credential,
    installation_uninstall_cat,
)


class Installation(Operations):
    """The operations of installation."""

    def list_installations(
        self,
        *,
        limit: int | Unset = 20,
        cursor: None | str | Unset = UNSET,
    ) -> PageInstallationBody:
        """List my installations.

        The list begins with the newest, and includes uninstalled ones.
        """
        return self._perform(
            installation_list_installations.request(
                limit=limit,
                cursor=cursor,
            ),
            installation_list_installations.parse,
        )

    def adopt_cat(
        self,
        *,
        body: Adoption,
        idempotency_key: None | str | Unset = UNSET,
    ) -> InstallationWithCredential:
        """Adopt a cat.

        A player can have one installation of each cat. After uninstalling it, the player can adopt the cat again.

        Only this response shows the credential. The platform stores its hash.

        With an `Idempotency-Key`, you can repeat the same request for 24 hours, also concurrently. This creates only one
        installation. Each response holds its current state and the same credential. The same key with another body is
        refused. A repeat is also refused after `POST /{installation_id}/credential` has replaced the credential. You can
        repeat a refused adoption with the same key.
        """
        return self._perform(
            installation_adopt_cat.request(
                body=body,
                idempotency_key=idempotency_key,
            ),
            installation_adopt_cat.parse,
        )

    def read_installation(
        self,
        installation_id: UUID,
    ) -> InstallationBody:
        """Get one of my installations."""
        return self._perform(
            installation_read_installation.request(
                installation_id=installation_id,
            ),
            installation_read_installation.parse,
        )

    def uninstall_cat(
        self,
        installation_id: UUID,
    ) -> None:
        """Uninstall a cat.

        Uninstalling is final. The installation stays readable with the status `uninstalled`, and cannot be changed.

        You can adopt the cat again. Uninstalling an uninstalled installation changes nothing.
        """
        return self._perform(
            installation_uninstall_cat.request(
                installation_id=installation_id,
            ),
            installation_uninstall_cat.parse,
        )

    def change_installation(
        self,
        installation_id: UUID,
        *,
        body: InstallationChange,
    ) -> InstallationBody:
        """Rename an installation, or replace its settings.

        Fields that are left out stay as they are. `settings` replaces the whole object.
        """
        return self._perform(
            installation_change_installation.request(
                installation_id=installation_id,
                body=body,
            ),
            installation_change_installation.parse,
        )

    def pause_installation(
        self,
        installation_id: UUID,
    ) -> InstallationBody:
        """Pause an installation.

        The proxy refuses its calls until you resume it. Pausing a paused installation changes nothing.
        """
        return self._perform(
            installation_pause_installation.request(
                installation_id=installation_id,
            ),
            installation_pause_installation.parse,
        )

    def resume_installation(
        self,
        installation_id: UUID,
    ) -> InstallationBody:
        """Resume a paused installation.

        Resuming an active installation changes nothing.
        """
        return self._perform(
            installation_resume_installation.request(
                installation_id=installation_id,
            ),
            installation_resume_installation.parse,
        )

    def replace_scopes(
        self,
        installation_id: UUID,
        *,
        body: ScopesChange,
    ) -> InstallationBody:
        """Replace the granted scopes of an installation.

        Grant exactly these scopes. They are checked against the cat's current manifest.

        `cat_version` becomes the version of that manifest. While the cat is not published, you can remove scopes but not
        add any.
        """
        return self._perform(
            installation_replace_scopes.request(
                installation_id=installation_id,
                body=body,
            ),
            installation_replace_scopes.parse,
        )

    def rotate_credential(
        self,
        installation_id: UUID,
    ) -> InstallationWithCredential:
        """Replace the credential of an installation.

        The old credential stops working at once. Only this response shows the new one. The platform stores its hash.
        """
        return self._perform(
            installation_rotate_credential.request(
                installation_id=installation_id,
            ),
            installation_rotate_credential.parse,
        )


class AsyncInstallation(AsyncOperations):
    """The operations of installation, for asyncio."""

    async def list_installations(
        self,
        *,
        limit: int | Unset = 20,
        cursor: None | str | Unset = UNSET,
    ) -> PageInstallationBody:
        """List my installations.

        The list begins with the newest, and includes uninstalled ones.
        """
        return await self._perform(
            installation_list_installations.request(
                limit=limit,
                cursor=cursor,
            ),
            installation_list_installations.parse,
        )

    async def adopt_cat(
        self,
        *,
        body: Adoption,
        idempotency_key: None | str | Unset = UNSET,
    ) -> InstallationWithCredential:
        """Adopt a cat.

        A player can have one installation of each cat. After uninstalling it, the player can adopt the cat again.

        Only this response shows the credential. The platform stores its hash.

        With an `Idempotency-Key`, you can repeat the same request for 24 hours, also concurrently. This creates only one
        installation. Each response holds its current state and the same credential. The same key with another body is
        refused. A repeat is also refused after `POST /{installation_id}/credential` has replaced the credential. You can
        repeat a refused adoption with the same key.
        """
        return await self._perform(
            installation_adopt_cat.request(
                body=body,
                idempotency_key=idempotency_key,
            ),
            installation_adopt_cat.parse,
        )

    async def read_installation(
        self,
        installation_id: UUID,
    ) -> InstallationBody:
        """Get one of my installations."""
        return await self._perform(
            installation_read_installation.request(
                installation_id=installation_id,
            ),
            installation_read_installation.parse,
        )

    async def uninstall_cat(
        self,
        installation_id: UUID,
    ) -> None:
        """Uninstall a cat.

        Uninstalling is final. The installation stays readable with the status `uninstalled`, and cannot be changed.

        You can adopt the cat again. Uninstalling an uninstalled installation changes nothing.
        """
        return await self._perform(
            installation_uninstall_cat.request(
                installation_id=installation_id,
            ),
            installation_uninstall_cat.parse,
        )

    async def change_installation(
        self,
        installation_id: UUID,
        *,
        body: InstallationChange,
    ) -> InstallationBody:
        """Rename an installation, or replace its settings.

        Fields that are left out stay as they are. `settings` replaces the whole object.
        """
        return await self._perform(
            installation_change_installation.request(
                installation_id=installation_id,
                body=body,
            ),
            installation_change_installation.parse,
        )

    async def pause_installation(
        self,
        installation_id: UUID,
    ) -> InstallationBody:
        """Pause an installation.

        The proxy refuses its calls until you resume it. Pausing a paused installation changes nothing.
        """
        return await self._perform(
            installation_pause_installation.request(
                installation_id=installation_id,
            ),
            installation_pause_installation.parse,
        )

    async def resume_installation(
        self,
        installation_id: UUID,
    ) -> InstallationBody:
        """Resume a paused installation.

        Resuming an active installation changes nothing.
        """
        return await self._perform(
            installation_resume_installation.request(
                installation_id=installation_id,
            ),
            installation_resume_installation.parse,
        )

    async def replace_scopes(
        self,
        installation_id: UUID,
        *,
        body: ScopesChange,
    ) -> InstallationBody:
        """Replace the granted scopes of an installation.

        Grant exactly these scopes. They are checked against the cat's current manifest.

        `cat_version` becomes the version of that manifest. While the cat is not published, you can remove scopes but not
        add any.
        """
        return await self._perform(
            installation_replace_scopes.request(
                installation_id=installation_id,
                body=body,
            ),
            installation_replace_scopes.parse,
        )

    async def rotate_credential(
        self,
        installation_id: UUID,
    ) -> InstallationWithCredential:
        """Replace the credential of an installation.

        The old credential stops working at once. Only this response shows the new one. The platform stores its hash.
        """
        return await self._perform(
            installation_rotate_credential.request(
                installation_id=installation_id,
            ),
            installation_rotate_credential.parse,
        )
