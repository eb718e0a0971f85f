"""What catalog can be told, beside what every service can."""

from cathouse_kit.settings import Port, ServiceSettings


class Settings(ServiceSettings):
    service_name: str = "catalog"
    port: Port = 8002
