"""Code with a deliberate fault, put in the place of the right one for a while."""

import importlib
import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import CodeType, FunctionType
from typing import NamedTuple


class Edit(NamedTuple):
    """A change of the source of a module.

    Attributes:
        module: The module, below the package: ``storage.exclusive``.
        old: A text that is in it exactly once, within functions.
        new: What is put in its place.
    """

    module: str
    old: str
    new: str


@contextmanager
def applied(*edits: Edit) -> Iterator[None]:
    """Let functions have the code of the changed source, wherever they were imported to, for the time of a block.

    Raises:
        LookupError: A text is not there, is there more than once, or changes no function.
    """
    before: dict[FunctionType, CodeType] = {}
    try:
        for edit in edits:
            changed = _changed(edit)
            if not changed:
                raise LookupError(f"no function of {edit.module} is changed by {edit.new!r}")
            for function, code in changed.items():
                before.setdefault(function, function.__code__)
                function.__code__ = code
        yield
    finally:
        for function, code in before.items():
            function.__code__ = code


def _changed(edit: Edit) -> Mapping[FunctionType, CodeType]:
    module = importlib.import_module(f"imagecards.{edit.module}")
    source = inspect.getsource(module)
    if source.count(edit.old) != 1:
        raise LookupError(f"{edit.old!r} is {source.count(edit.old)} times in {edit.module}: look for what it became")
    names = [module.__file__ or "", "exec"]
    right = _codes(compile(source, *names))
    wrong = _codes(compile(source.replace(edit.old, edit.new), *names))
    functions = _functions(module.__name__, vars(module))
    return {functions[name]: code for name, code in wrong.items() if name in functions and _differs(code, right[name])}


def _differs(one: CodeType, other: CodeType) -> bool:
    """Whether the code does something else: where it stands in the file does not count."""
    if (one.co_code, one.co_names, one.co_varnames) != (other.co_code, other.co_names, other.co_varnames):
        return True
    constants, others = one.co_consts, other.co_consts
    return len(constants) != len(others) or any(
        _differs(a, b) if isinstance(a, CodeType) and isinstance(b, CodeType) else a != b
        for a, b in zip(constants, others, strict=True)
    )


def _codes(code: CodeType) -> dict[str, CodeType]:
    """The code of functions by qualified name; what is defined within a function belongs to that one."""
    found = {}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if constant.co_flags & inspect.CO_NEWLOCALS and constant.co_flags & inspect.CO_OPTIMIZED:
                found[constant.co_qualname] = constant
            else:  # the body of a class
                found |= _codes(constant)
    return found


def _functions(module: str, names: Mapping[str, object]) -> dict[str, FunctionType]:
    found: dict[str, FunctionType] = {}
    for value in names.values():
        if isinstance(value, type):
            if value.__module__ == module and value.__qualname__ not in found:
                found |= _functions(module, vars(value))
            continue
        function = inspect.unwrap(value.__func__ if isinstance(value, staticmethod | classmethod) else value)  # type: ignore[arg-type]
        if isinstance(function, FunctionType) and function.__module__ == module:
            found[function.__qualname__] = function
    return found
