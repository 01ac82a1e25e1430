"""Code with a deliberate fault, put in the place of the right one for a while."""

import importlib
import inspect
from collections.abc import Iterator, Mapping, Sequence
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
        for module in dict.fromkeys(edit.module for edit in edits):
            for function, code in _changed(module, [edit for edit in edits if edit.module == module]).items():
                before.setdefault(function, function.__code__)
                function.__code__ = code
        yield
    finally:
        for function, code in before.items():
            function.__code__ = code


def _changed(name: str, edits: Sequence[Edit]) -> Mapping[FunctionType, CodeType]:
    module = importlib.import_module(f"imagecards.{name}")
    source = changed = inspect.getsource(module)
    for edit in edits:
        if changed.count(edit.old) != 1:
            raise LookupError(f"{edit.old!r} is {changed.count(edit.old)} times in {name}: look for what it became")
        changed = changed.replace(edit.old, edit.new)
    right, wrong = (_codes(compile(text, module.__file__ or "", "exec")) for text in (source, changed))
    functions = _functions(module.__name__, vars(module))
    found = {functions[name]: code for name, code in wrong.items() if name in functions and _differs(code, right[name])}
    if not found:
        raise LookupError(f"no function of {name} is changed by {edits}")
    return found


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
