from cathouse_platform.admin_actions import AdminActionColumns

from cathouse_catalog.models.base import Base


class AdminAction(AdminActionColumns, Base):
    """An action of an admin on a cat. Rows are added, and never changed or deleted."""
