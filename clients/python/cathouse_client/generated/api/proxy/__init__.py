from uuid import UUID

from ....operations import AsyncOperations, Operations
from ...models.key_set import KeySet
from ...models.page_proxied_call_body import PageProxiedCallBody
from ...types import UNSET, Unset
from . import proxy_jwks, proxy_list_audit


class Proxy(Operations):
    """The operations of proxy."""

    def list_audit(
        self,
        *,
        limit: int | Unset = 20,
        cursor: None | str | Unset = UNSET,
        installation_id: None | Unset | UUID = UNSET,
    ) -> PageProxiedCallBody:
        """List proxied calls, newest first.

        Without `installation_id`, the list holds your own calls. Admins see the calls of all users.
        """
        return self._perform(
            proxy_list_audit.request(
                limit=limit,
                cursor=cursor,
                installation_id=installation_id,
            ),
            proxy_list_audit.parse,
        )

    def jwks(
        self,
    ) -> KeySet:
        """Get the public keys of identity tokens."""
        return self._perform(
            proxy_jwks.request(),
            proxy_jwks.parse,
        )


class AsyncProxy(AsyncOperations):
    """The operations of proxy, for asyncio."""

    async def list_audit(
        self,
        *,
        limit: int | Unset = 20,
        cursor: None | str | Unset = UNSET,
        installation_id: None | Unset | UUID = UNSET,
    ) -> PageProxiedCallBody:
        """List proxied calls, newest first.

        Without `installation_id`, the list holds your own calls. Admins see the calls of all users.
        """
        return await self._perform(
            proxy_list_audit.request(
                limit=limit,
                cursor=cursor,
                installation_id=installation_id,
            ),
            proxy_list_audit.parse,
        )

    async def jwks(
        self,
    ) -> KeySet:
        """Get the public keys of identity tokens."""
        return await self._perform(
            proxy_jwks.request(),
            proxy_jwks.parse,
        )
