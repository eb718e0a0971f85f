from cathouse_platform.admin_actions import AdminActionColumns

from cathouse_auth.models.base import Base


class AdminAction(AdminActionColumns, Base):
    """An action of an admin on the account of a person. Rows are only added, never changed or deleted."""
