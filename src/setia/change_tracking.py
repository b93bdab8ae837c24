"""PostgreSQL tables that say themselves what changed: a load then costs what changed, not what there is.

Each row carries the transaction that wrote it last, in an indexed column, and each key that goes is noted.
It says what `xmin` says, and is as exact: a transaction that commits late has its old number. No clock and
nothing that an application writes is trusted; triggers set it, under replication too. Tables without it
are looked through.
"""

from collections.abc import Mapping

from setia.warehouses import literal, quote

CHANGED = "_changed"
DELETED = "_deleted"
TRIGGERS = ("_note_deleted", "_note_rekeyed", "_stamp")


def statements(schema_name: str, keys: Mapping[str, str]) -> list[str]:
    """What to execute, once, to make tables of a schema say what changes in them; `keys`: table -> its key."""
    schema = quote(schema_name)
    note = (
        f"begin insert into {schema}.{DELETED} (table_name, key) values"
        " (tg_table_name, to_jsonb(old) ->> tg_argv[0]); return null; end"
    )
    made = [
        f"create table if not exists {schema}.{DELETED} (table_name text not null, key text not null,"
        " changed xid8 not null default pg_current_xact_id())",
        f"create index if not exists {DELETED}_changed on {schema}.{DELETED} (changed)",
        f"create or replace function {schema}._stamp() returns trigger language plpgsql as"
        f" 'begin new.{CHANGED} := pg_current_xact_id(); return new; end'",
        # As its owner, so that who may write a table need not be given rights on the notes.
        f"create or replace function {schema}._note() returns trigger language plpgsql security definer"
        f" set search_path = pg_catalog, pg_temp as {literal(note)}",
    ]
    for table, key in keys.items():
        made += _of_table(schema, f"{schema}.{quote(table)}", table, key)
    return made


def _of_table(schema: str, name: str, table: str, key: str) -> list[str]:
    rekeyed = f"old.{quote(key)} is distinct from new.{quote(key)}"
    stamped = f"new.{CHANGED} is distinct from pg_current_xact_id()"
    events = {
        "_stamp": f"before insert or update on {name} for each row when ({stamped}) execute function {schema}._stamp()",
        "_note_deleted": f"after delete on {name} for each row",
        "_note_rekeyed": f"after update on {name} for each row when ({rekeyed})",
    }
    note = f" execute function {schema}._note({literal(key)})"
    made = [
        f"alter table {name} add column if not exists {CHANGED} xid8 not null default pg_current_xact_id()",
        f"create index if not exists {quote(table + CHANGED)} on {name} ({CHANGED})",
    ]
    for trigger, event in events.items():
        function = "" if trigger == "_stamp" else note
        made.append(f"create or replace trigger {trigger} {event}{function}")
        made.append(f"alter table {name} enable always trigger {trigger}")
    return made
