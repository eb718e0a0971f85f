from cathouse_platform.admin_actions import AdminActionColumns

from cathouse_auth.models.base import Base


class AdminAction(AdminActionColumns, Base):
    """What an admin did to a person. Rows are added, and never changed or deleted."""
