"""Contains all the data models used in inputs/outputs"""

from .admin_action_body import AdminActionBody
from .admin_action_body_details import AdminActionBodyDetails
from .adoption import Adoption
from .adoption_settings import AdoptionSettings
from .cat_body import CatBody
from .cat_changes import CatChanges
from .cat_sort import CatSort
from .cat_status import CatStatus
from .category_body import CategoryBody
from .endpoint_review import EndpointReview
from .featuring import Featuring
from .installation_body import InstallationBody
from .installation_body_settings import InstallationBodySettings
from .installation_change import InstallationChange
from .installation_change_settings import InstallationChangeSettings
from .installation_with_credential import InstallationWithCredential
from .invalid_field import InvalidField
from .key_set import KeySet
from .listed_cat import ListedCat
from .listed_version import ListedVersion
from .new_cat import NewCat
from .new_review import NewReview
from .new_version import NewVersion
from .page_admin_action_body import PageAdminActionBody
from .page_category_body import PageCategoryBody
from .page_installation_body import PageInstallationBody
from .page_listed_cat import PageListedCat
from .page_listed_version import PageListedVersion
from .page_person_body import PagePersonBody
from .page_proxied_call_body import PageProxiedCallBody
from .page_review_body import PageReviewBody
from .password_change import PasswordChange
from .person_body import PersonBody
from .person_change import PersonChange
from .problem import Problem
from .profile_change import ProfileChange
from .proxied_call_body import ProxiedCallBody
from .public_key import PublicKey
from .rating import Rating
from .refresh_request import RefreshRequest
from .registration import Registration
from .registration_role import RegistrationRole
from .rejection import Rejection
from .review_body import ReviewBody
from .role import Role
from .route import Route
from .route_body import RouteBody
from .route_body_methods_item import RouteBodyMethodsItem
from .route_methods_item import RouteMethodsItem
from .scope import Scope
from .scope_body import ScopeBody
from .scopes_change import ScopesChange
from .sign_in import SignIn
from .status import Status
from .token_pair import TokenPair
from .version_body import VersionBody

__all__ = (
    "AdminActionBody",
    "AdminActionBodyDetails",
    "Adoption",
    "AdoptionSettings",
    "CatBody",
    "CatChanges",
    "CategoryBody",
    "CatSort",
    "CatStatus",
    "EndpointReview",
    "Featuring",
    "InstallationBody",
    "InstallationBodySettings",
    "InstallationChange",
    "InstallationChangeSettings",
    "InstallationWithCredential",
    "InvalidField",
    "KeySet",
    "ListedCat",
    "ListedVersion",
    "NewCat",
    "NewReview",
    "NewVersion",
    "PageAdminActionBody",
    "PageCategoryBody",
    "PageInstallationBody",
    "PageListedCat",
    "PageListedVersion",
    "PagePersonBody",
    "PageProxiedCallBody",
    "PageReviewBody",
    "PasswordChange",
    "PersonBody",
    "PersonChange",
    "Problem",
    "ProfileChange",
    "ProxiedCallBody",
    "PublicKey",
    "Rating",
    "RefreshRequest",
    "Registration",
    "RegistrationRole",
    "Rejection",
    "ReviewBody",
    "Role",
    "Route",
    "RouteBody",
    "RouteBodyMethodsItem",
    "RouteMethodsItem",
    "Scope",
    "ScopeBody",
    "ScopesChange",
    "SignIn",
    "Status",
    "TokenPair",
    "VersionBody",
)
