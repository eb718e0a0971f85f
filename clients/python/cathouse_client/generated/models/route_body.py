from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.route_body_methods_item import RouteBodyMethodsItem

T = TypeVar("T", bound="RouteBody")


@_attrs_define
class RouteBody:
    """
    Attributes:
        methods (list[RouteBodyMethodsItem]):
        path (str):
    """

    methods: list[RouteBodyMethodsItem]
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
            methods_item = RouteBodyMethodsItem(methods_item_data)

            methods.append(methods_item)

        path = d.pop("path")

        route_body = cls(
            methods=methods,
            path=path,
        )

        return route_body
