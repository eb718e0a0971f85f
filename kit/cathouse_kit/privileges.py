"""Privileges on tables, for each database role of a service.

- The role `NAME_owner` owns the schema and migrates it.
- By default, the serving role `NAME` may read, add, change and delete rows of every table.
- By default, roles of single commands, such as `NAME_pruner`, may do nothing.

Declare other privileges in a model with `allow`. Each migration grants the privileges that the models of the newest
revision declare, and revokes all others. Privileges of roles with other names stay unchanged.
"""

from collections.abc import Iterable, Mapping
from itertools import groupby

from sqlalchemy import Connection, MetaData, text

Privilege = tuple[str, str]
"""select, insert, update or delete, and the column that it is limited to. "" means all columns."""

_KEY = "privileges"
_SUFFIX = "_owner"
_ANY_ROW: Mapping[str, frozenset[Privilege]] = {
    "": frozenset({("select", ""), ("insert", ""), ("update", ""), ("delete", "")})
}
_READ_ONLY = frozenset({("select", "")})

_GRANTED = text("""
    select c.relname, pg_get_userbyid(a.grantee), lower(a.privilege_type), a.column_name
    from pg_class c
    cross join lateral (
        select grantee, privilege_type, '' as column_name from aclexplode(c.relacl)
        union all
        select e.grantee, e.privilege_type, t.attname
        from pg_attribute t, aclexplode(t.attacl) e
        where t.attrelid = c.oid and not t.attisdropped
    ) a
    where c.relnamespace = to_regnamespace(:schema) and a.grantee <> c.relowner and a.grantee <> 0
""")
_TABLES = text(
    "select relname from pg_class where relnamespace = to_regnamespace(:schema) and relkind in ('r', 'p')"
)
_ROLES = text(
    "select rolname from pg_roles where rolname = :name or starts_with(rolname, :name || '_')"
)
_OWNER = text(
    "select pg_get_userbyid(nspowner), pg_has_role(nspowner, 'usage'), current_user "
    "from pg_namespace where nspname = :schema"
)


def allow(
    *privileges: str, update: Iterable[str] = (), **commands: Iterable[str]
) -> dict[str, dict[str, frozenset[Privilege]]]:
    """Return the `info` of a table: `__table_args__ = ({"info": allow("select", "insert", pruner=["delete"])},)`.

    `privileges` and the columns in `update` are for the serving role. `commands` are the privileges of the service's
    other roles, with their names in services.toml.
    """
    serving = _whole(privileges) | {("update", column) for column in update}
    return {_KEY: {"": serving} | {role: _whole(names) for role, names in commands.items()}}


def _whole(privileges: Iterable[str]) -> frozenset[Privilege]:
    return frozenset((privilege, "") for privilege in privileges)


def foreign_owner(connection: Connection, schema: str) -> tuple[str, str] | None:
    """Return the schema's owner and the current role, or None if the current role may act for the owner."""
    row = connection.execute(_OWNER, {"schema": schema}).one_or_none()
    return None if row is None or row[1] else (row[0], row[2])


def missing_grants(
    connection: Connection, metadata: MetaData, schema: str, version_table: str
) -> list[str]:
    """Return the statements that change the privileges in a schema to those that the models declare.

    The list is empty if the privileges are right. It is also empty if the owner of the schema is not a role NAME_owner,
    because one role then serves and migrates.
    """
    owner: str | None = connection.scalar(
        text("select pg_get_userbyid(nspowner) from pg_namespace where nspname = :schema"),
        {"schema": schema},
    )
    if owner is None or not owner.endswith(_SUFFIX):
        return []
    name = owner.removesuffix(_SUFFIX)
    roles = set(connection.scalars(_ROLES, {"name": name})) - {owner}
    declared = {table.name: table.info.get(_KEY, _ANY_ROW) for table in metadata.tables.values()}
    every_role = {role for roles_of_table in declared.values() for role in roles_of_table}
    declared[version_table] = dict.fromkeys({"", *every_role}, _READ_ONLY)

    rows = connection.execute(_GRANTED, {"schema": schema}).all()
    granted = {
        key: frozenset((row[2], row[3]) for row in group)
        for key, group in groupby(sorted(tuple(row) for row in rows), key=lambda row: row[:2])
    }
    quote = connection.dialect.identifier_preparer.quote
    statements = []
    for table in sorted(set(connection.scalars(_TABLES, {"schema": schema})) & declared.keys()):
        for role in sorted(roles):
            wanted = declared[table].get(role[len(name) + 1 :], frozenset())
            if granted.get((table, role), frozenset()) != wanted:
                on = f"on {quote(schema)}.{quote(table)}"
                statements.append(f"revoke all {on} from {quote(role)}")
                statements += [
                    f"grant {privilege}{f' ({quote(column)})' if column else ''} {on} to {quote(role)}"
                    for privilege, column in sorted(wanted)
                ]
    return statements
