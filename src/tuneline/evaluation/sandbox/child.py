"""What runs in a program's own process: guards first, then the code, then its tests.

The verdict is written to a pipe of its own together with a token that the caller made up, after the
last test. So a program that ends early, with whatever exit code, or prints what a success prints,
has not passed. Code and tests share one interpreter, as tests that call functions must: a program
written against this very module could look for the token in its own memory. The guards hold
even then; its verdict does not.

Start-up time counts for every program, so this needs few modules, none of them slow.
"""

from __future__ import annotations

import builtins
import marshal
import os
import sys
from types import FunctionType, ModuleType

from tuneline.evaluation.sandbox import guards, privileges

_MODULE = "answer"
_DETAIL_CHARACTERS = 500
_SYSTEM = ["/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime"]
"""What the interpreter and its modules read, beside its own folder."""


def main() -> None:
    """Run the job that standard input holds."""
    # The job comes from the caller, and marshal is there without an import.
    job = marshal.loads(sys.stdin.buffer.read())  # noqa: S302
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    os.environ.clear()
    del sys.path[0]  # where this package is
    report, leave, flushed = os.write, os._exit, sys.stdout
    try:
        privileges.limit_resources(**job["limits"])
        readable = [sys.base_prefix, sys.base_exec_prefix, *_SYSTEM]
        guards.put_up(job["folder"], readable, **job["guards"])
    except (AttributeError, OSError, ValueError) as error:  # not Linux, or not allowed
        verdict = f"unguarded\n{error}"
    else:
        verdict = _verdict(job["source"], job["tests"])
    report(job["report"], f"{job['token']}\n{verdict}".encode(errors="replace"))
    try:
        flushed.flush()
    except (OSError, ValueError) as error:  # the program closed it
        report(2, f"{error}\n".encode())
    leave(0)


def _verdict(source: str, tests: str) -> str:
    try:
        code = compile(source, "<answer>", "exec", dont_inherit=True)
        test_code = compile(tests, "<tests>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        return f"syntax\n{_described(error)}"
    try:
        _run(code, test_code)
    except BaseException as error:  # noqa: BLE001 the program may raise anything, SystemExit too
        return f"failed\n{_described(error)}"
    return "passed\n"


def _run(code: object, tests: object) -> None:
    module = ModuleType(_MODULE)
    sys.modules[_MODULE] = sys.modules["__main__"] = module
    names = vars(module)
    untouched, execute = dict(vars(builtins)), exec
    execute(code, names)  # type: ignore[arg-type]
    before = dict(names)
    # Tests see the real built-in functions, whatever the code did to them, and run as a script.
    names.update(__builtins__=untouched, __name__="__main__")
    execute(tests, names)  # type: ignore[arg-type]
    added = [value for name, value in names.items() if before.get(name) is not value]
    _call_tests([value for value in added if value is not untouched])


def _call_tests(values: list[object]) -> None:
    """Call the test functions and cases that the tests define, as test runners do."""
    for value in values:
        if type(value) is FunctionType and value.__name__.startswith("test"):
            if _takes_nothing(value):
                _finish(value())
        elif isinstance(value, type) and "unittest" in sys.modules:
            _run_case(value)


def _takes_nothing(function: FunctionType) -> bool:
    code = function.__code__
    needed = code.co_argcount - len(function.__defaults__ or ())
    return needed <= 0 and code.co_kwonlyargcount <= len(function.__kwdefaults__ or ())


def _finish(result: object) -> None:
    """Run the coroutine that an ``async def`` test returned."""
    if type(result).__name__ == "coroutine":
        import asyncio  # slow, and few tests need it

        asyncio.run(result)  # type: ignore[arg-type]


def _run_case(case: type) -> None:
    import unittest  # loaded already, by the tests

    if not issubclass(case, unittest.TestCase):
        return
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
    for test, report in [*result.failures, *result.errors]:
        raise AssertionError(f"{test.id()}: {report.strip().splitlines()[-1]}")
    if result.unexpectedSuccesses:
        raise AssertionError(f"{case.__name__}: a test that should fail did not")


def _described(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"[:_DETAIL_CHARACTERS]
    except BaseException:  # noqa: BLE001 the program's own class may raise when it is shown
        return "an error that cannot be shown"
