from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.route import Route


T = TypeVar("T", bound="Scope")


@_attrs_define
class Scope:
    """A permission that players grant by its name. They cannot adopt a cat without its required scopes.

    Attributes:
        name (str):
        description (str): The explanation that players see
        routes (list[Route]):
        required (bool | Unset):  Default: False.
    """

    name: str
    description: str
    routes: list[Route]
    required: bool | Unset = False

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        description = self.description

        routes = []
        for routes_item_data in self.routes:
            routes_item = routes_item_data.to_dict()
            routes.append(routes_item)

        required = self.required

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "name": name,
                "description": description,
                "routes": routes,
            }
        )
        if required is not UNSET:
            field_dict["required"] = required

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.route import Route  # noqa: PLC0415

        d = dict(src_dict)
        name = d.pop("name")

        description = d.pop("description")

        routes = []
        _routes = d.pop("routes")
        for routes_item_data in _routes:
            routes_item = Route.from_dict(routes_item_data)

            routes.append(routes_item)

        required = d.pop("required", UNSET)

        scope = cls(
            name=name,
            description=description,
            routes=routes,
            required=required,
        )

        return scope
