"""DuckDB without files, extensions, settings or statements that write."""

from __future__ import annotations

from threading import Timer
from typing import TYPE_CHECKING

import duckdb

from tuneline.evaluation.databases.result import Result
from tuneline.evaluation.databases.values import TooLargeError, fetch

if TYPE_CHECKING:
    from pathlib import Path

_CONFIGURATION: dict[str, str | bool | int | float | list[str]] = {
    "allow_community_extensions": False,
    "allow_persistent_secrets": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "enable_external_access": False,
    "memory_limit": "512MB",
    "python_enable_replacements": False,  # names of tables are not looked up among our variables
    "temp_directory": "",
    "threads": 1,
    "lock_configuration": True,
}


class DuckdbEngine:
    """One DuckDB file, opened for reading.

    Args:
        path: The file.
        timeout_s: Seconds that a query may take.

    Raises:
        duckdb.Error: It cannot be opened.
    """

    def __init__(self, path: Path, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._connection = duckdb.connect(str(path), read_only=True, config=_CONFIGURATION)

    def run(self, sql: str) -> Result:
        """The result of one query."""
        timer = Timer(self._timeout_s, self._connection.interrupt)
        timer.daemon = True
        timer.start()
        try:
            return self._select(sql)
        except TooLargeError as error:
            return Result.failed("error", str(error))
        except duckdb.InterruptException as error:
            return Result.failed("timeout", str(error))
        except duckdb.ParserException as error:
            return Result.failed("syntax", str(error))
        except duckdb.PermissionException as error:
            return Result.failed("forbidden", str(error))
        except (duckdb.Error, MemoryError, OverflowError, RuntimeError, ValueError) as error:
            return _failed(error)
        finally:
            timer.cancel()

    def _select(self, sql: str) -> Result:
        statements = self._connection.extract_statements(sql)
        if not statements:
            return Result.failed("syntax", "there is no query")
        if len(statements) > 1:
            return Result.failed("forbidden", "there is more than one statement")
        if statements[0].type != duckdb.StatementType.SELECT:
            return Result.failed("forbidden", f"{statements[0].type.name} is not a SELECT")
        self._connection.execute(statements[0])
        columns = tuple(column[0] for column in self._connection.description or ())
        return Result(columns, fetch(self._connection))


def _failed(error: BaseException) -> Result:
    message = str(error) or type(error).__name__
    if "read-only" in message:
        return Result.failed("forbidden", message)
    return Result.failed("error", message)
