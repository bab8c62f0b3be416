"""Checks annotations: they are complete, they can be resolved, and calls fit the signatures of what they call."""

import ast
import importlib
import inspect
import pathlib
import sys
import types
import typing
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def functions(module: types.ModuleType) -> Iterator[types.FunctionType]:
    for value in vars(module).values():
        if inspect.isfunction(value) and value.__module__ == module.__name__:
            yield value
        elif inspect.isclass(value) and value.__module__ == module.__name__:
            yield from (f for f in vars(value).values() if inspect.isfunction(f) and f.__module__ == module.__name__)


def annotation_problems(module: types.ModuleType) -> Iterator[str]:
    for function in functions(module):
        if function.__code__.co_filename != module.__file__:
            continue  # a dataclass wrote it
        where = f"{module.__name__}.{function.__qualname__}"
        try:
            hints = typing.get_type_hints(function)
        except NameError as error:
            yield f"{where}: {error}"
            continue
        for name in [*inspect.signature(function).parameters, "return"]:
            if name not in hints and name != "self":
                yield f"{where}: {name} has no type"


def call_problems(module: types.ModuleType) -> Iterator[str]:
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        target = getattr(module, node.func.id, None)
        if not inspect.isfunction(target) and not inspect.isclass(target):
            continue
        if any(isinstance(a, ast.Starred) for a in node.args) or any(k.arg is None for k in node.keywords):
            continue
        try:
            inspect.signature(target).bind(*node.args, **{str(k.arg): k.value for k in node.keywords})
        except TypeError as error:
            yield f"{module.__name__}:{node.lineno}: {node.func.id}: {error}"
        except ValueError:
            pass  # a class of C tells no signature


def main() -> None:
    names = [f"shop.{path.stem}" for path in sorted(ROOT.glob("shop/*.py")) if not path.stem.startswith("__")]
    checked, found = 0, 0
    for name in names:
        module = importlib.import_module(name)
        checked += len(list(functions(module)))
        for problem in [*annotation_problems(module), *call_problems(module)]:
            print(problem)
            found += 1
    print(f"{checked} functions in {len(names)} modules, {found} problems")
    sys.exit(found > 0)


if __name__ == "__main__":
    main()
