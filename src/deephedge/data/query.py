"""SQL over the store, by DuckDB, which reads the Parquet parts where they lie and can write nothing."""

import shutil
import tempfile
from typing import TYPE_CHECKING, Any

from deephedge.core.errors import DataError, require
from deephedge.data.kinds import kind_of
from deephedge.data.store import Store

if TYPE_CHECKING:
    import polars as pl

MEMORY = "1GB"


def query(store: Store, sql: str, limit: int | None = None) -> "pl.DataFrame":
    """The answer to a query over the data sets of ``store``, each a table of its name; an older one is ``"name@id"``.

    The query may read the parts of these data sets and nothing else: no other file, no network, no setting. Memory is
    bounded by a gigabyte; what is larger goes through a temporary folder.

    Raises ``DataError`` with DuckDB's words for a query that is wrong.

    >>> import tempfile, pathlib
    >>> from deephedge.data import Origin, Records
    >>> store = Store(pathlib.Path(tempfile.mkdtemp()))
    >>> rows = [{"event_time": f"2024-01-0{k}", "known_time": f"2024-01-0{k}", "name": "x", "value": k} for k in (2, 3)]
    >>> _ = store.add("index", [Records.of("values", rows, origin=Origin("by hand"))])
    >>> query(store, "select sum(value) as total from index")["total"].to_list()
    [5.0]
    """
    import duckdb

    connection, space = duckdb.connect(":memory:"), tempfile.mkdtemp(prefix="deephedge-query-")
    try:
        statements = connection.extract_statements(sql)
        reads = len(statements) == 1 and statements[0].type == duckdb.StatementType.SELECT
        require(reads, "one SELECT is expected, and nothing that writes or sets", DataError)
        _prepare(connection, store, sql, space)
        answer = connection.sql(sql)
        return (answer if limit is None else answer.limit(limit)).pl()
    except duckdb.Error as error:
        raise DataError(f"the query cannot be answered: {' '.join(str(error).split())}") from error
    finally:
        connection.close()
        shutil.rmtree(space, ignore_errors=True)


def _prepare(connection: Any, store: Store, sql: str, space: str) -> None:
    """A view of each data set that the query may mean; after that the connection can open their parts and no more."""
    names = store.names()
    older = [f"{name}@{entry['id']}" for name in names if f"{name}@" in sql for entry in store.history(name)]
    opened: list[str] = []
    for name in (one for one in [*names, *older] if one in sql):
        snapshot = store.snapshot(name)
        files = [str(file) for file in store.files(snapshot)]
        columns = ", ".join(f'"{column}"' for column in kind_of(snapshot.kind).columns)
        connection.execute(f'create view "{name}" as select {columns} from read_parquet({_list(files)})')
        opened += files
    connection.execute(f"set memory_limit = '{MEMORY}'; set TimeZone = 'UTC'; set temp_directory = '{space}'")
    connection.execute(f"set allowed_paths = {_list(opened)}")
    connection.execute("set enable_external_access = false; set lock_configuration = true")


def _list(texts: list[str]) -> str:
    return "[" + ", ".join("'" + text.replace("'", "''") + "'" for text in texts) + "]"
