"""Catalog's tables, in the schema `catalog`."""

from cathouse_catalog.models.admin_action import AdminAction
from cathouse_catalog.models.base import Base
from cathouse_catalog.models.cat import Cat, CatStatus, Route, Scope
from cathouse_catalog.models.review import Review
from cathouse_catalog.models.version import Version

__all__ = ["AdminAction", "Base", "Cat", "CatStatus", "Review", "Route", "Scope", "Version"]
