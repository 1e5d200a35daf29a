"""What SQLite's planner is told of our tables: that one tenant may have very many rows.

Without statistics SQLite takes any first column of an index to choose about ten rows. Ours begin with the tenant, so it would read
all of a tenant's rows to find one person's. Collected statistics (ANALYZE) would be right for the rows of that day alone, and
change plans under a running service. So we write what SQLite's own page on its planner proposes: the same stated figures
everywhere (sqlite.org/queryplanner-ng.html, "Query planner stability guarantee"; sqlite.org/fileformat2.html, "sqlite_stat1").
PostgreSQL counts for itself, all the time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from sqlalchemy import Connection

ROWS = 1_000_000  # of each table
OF_TENANT = 100_000  # of them: far more than of a person or a picture, and few enough that an index by tenant is of use
VALUES = 10_000  # of each column but the tenant's, spread evenly
TENANT = "tenant"
_COLUMNS = """
    SELECT tables.name, indexes.name, indexes."unique", columns.name
    FROM sqlite_schema AS tables, pragma_index_list(tables.name) AS indexes, pragma_index_info(indexes.name) AS columns
    WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite%'
    ORDER BY tables.name, indexes.name, columns.seqno
"""  # of every index
Statistic = tuple[str, str, str]  # table, index, and "rows equal-in-the-first-column equal-in-the-first-two ..."


def state_statistics(c: Connection) -> None:
    """Writes the statistics of every index of a SQLite database, for the connections that are opened from now on. Where they
    are written already, nothing changes. PostgreSQL: nothing is done."""
    if c.dialect.name != "sqlite":
        return
    wanted = set(_wanted(c))
    if not _is_there(c, "sqlite_stat1"):
        c.exec_driver_sql("ANALYZE alembic_version")  # a row: the one way to make the table
    if {tuple(row) for row in c.exec_driver_sql("SELECT tbl, idx, stat FROM sqlite_stat1")} == wanted:
        return
    c.exec_driver_sql("DELETE FROM sqlite_stat1")
    c.exec_driver_sql("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)", sorted(wanted))


def equal_rows(columns: Sequence[str], *, unique: bool) -> list[int]:
    """How many rows of ROWS are equal in the first column of an index, in its first two, and so on; of all of a unique one, 1."""
    equal, rows = [], ROWS
    for column in columns:
        rows = min(rows, OF_TENANT) if column == TENANT else max(rows // VALUES, 1)
        equal.append(rows)
    return [*equal[:-1], 1] if unique else equal


def _wanted(c: Connection) -> Iterator[Statistic]:
    for (table, index, unique), rows in groupby(c.exec_driver_sql(_COLUMNS), key=lambda row: row[:3]):
        equal = equal_rows([row[3] for row in rows], unique=bool(unique))
        yield table, index, " ".join(str(each) for each in (ROWS, *equal))


def _is_there(c: Connection, table: str) -> bool:
    return c.exec_driver_sql("SELECT 1 FROM sqlite_schema WHERE name = ?", (table,)).first() is not None
