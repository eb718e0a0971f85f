from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

if TYPE_CHECKING:
    from ..models.route_body import RouteBody


T = TypeVar("T", bound="ScopeBody")


@_attrs_define
class ScopeBody:
    """A scope as it was declared. Its limits are only described: older scopes may exceed them.

    Attributes:
        name (str):
        description (str):
        required (bool):
        routes (list[RouteBody]):
    """

    name: str
    description: str
    required: bool
    routes: list[RouteBody]

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        description = self.description

        required = self.required

        routes = []
        for routes_item_data in self.routes:
            routes_item = routes_item_data.to_dict()
            routes.append(routes_item)

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "name": name,
                "description": description,
                "required": required,
                "routes": routes,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.route_body import RouteBody  # noqa: PLC0415

        d = dict(src_dict)
        name = d.pop("name")

        description = d.pop("description")

        required = d.pop("required")

        routes = []
        _routes = d.pop("routes")
        for routes_item_data in _routes:
            routes_item = RouteBody.from_dict(routes_item_data)

            routes.append(routes_item)

        scope_body = cls(
            name=name,
            description=description,
            required=required,
            routes=routes,
        )

        return scope_body
