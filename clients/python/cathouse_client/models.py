"""The models of the API: bodies of requests and responses, as attrs classes."""

from cathouse_client.generated.models import *  # noqa: F403
from cathouse_client.generated.types import UNSET, Unset

__all__ = ["UNSET", "Unset"]
