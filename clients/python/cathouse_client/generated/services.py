"""The services of the platform."""

import httpx

from cathouse_client.generated.api.auth import AsyncAuth, Auth
from cathouse_client.generated.api.catalog import AsyncCatalog, Catalog
from cathouse_client.generated.api.installation import AsyncInstallation, Installation
from cathouse_client.generated.api.proxy import AsyncProxy, Proxy


class Services:
    def __init__(self, http: httpx.Client) -> None:
        self.auth = Auth(http)
        self.catalog = Catalog(http)
        self.installation = Installation(http)
        self.proxy = Proxy(http)


class AsyncServices:
    def __init__(self, http: httpx.AsyncClient) -> None:
        self.auth = AsyncAuth(http)
        self.catalog = AsyncCatalog(http)
        self.installation = AsyncInstallation(http)
        self.proxy = AsyncProxy(http)
