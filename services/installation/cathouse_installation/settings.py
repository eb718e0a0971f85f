"""What installation can be told, beside what every service can."""

from cathouse_kit.settings import PeerUrl, Port, ServiceSettings
from pydantic import Field


class Settings(ServiceSettings):
    service_name: str = "installation"
    port: Port = 8003
    catalog_url: PeerUrl = Field("http://127.0.0.1:8002", description="Where the catalog is")
