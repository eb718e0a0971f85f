from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.route_methods_item import RouteMethodsItem

T = TypeVar("T", bound="Route")


@_attrs_define
class Route:
    """Requests with one of these methods to a path that matches the template.

    Attributes:
        methods (list[RouteMethodsItem]):
        path (str): A template of the path below the cat's endpoint_url. A segment {name} matches any one segment that
            is not empty. If templates of several scopes match a request, the most specific one decides
    """

    methods: list[RouteMethodsItem]
    path: str

    def to_dict(self) -> dict[str, Any]:
        methods = []
        for methods_item_data in self.methods:
            methods_item = methods_item_data.value
            methods.append(methods_item)

        path = self.path

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "methods": methods,
                "path": path,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        methods = []
        _methods = d.pop("methods")
        for methods_item_data in _methods:
            methods_item = RouteMethodsItem(methods_item_data)

            methods.append(methods_item)

        path = d.pop("path")

        route = cls(
            methods=methods,
            path=path,
        )

        return route
