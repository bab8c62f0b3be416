"""Finds what reviewers are tired of finding. Prints FILE:LINE: message; ends with 1 when there is any."""

import ast
import pathlib
import sys
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parent.parent
WIDTH = 120


def text_problems(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > WIDTH:
            yield number, f"longer than {WIDTH} columns"
        if line != line.rstrip():
            yield number, "white space at the end"
        if "\t" in line:
            yield number, "a tab"
    if text and not text.endswith("\n"):
        yield len(text.splitlines()), "no newline at the end of the file"


def tree_problems(tree: ast.Module) -> Iterator[tuple[int, str]]:
    imported: dict[str, int] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                for alias in names:
                    imported[(alias.asname or alias.name).partition(".")[0]] = node.lineno
            case ast.ExceptHandler(type=None):
                yield node.lineno, "a bare except catches KeyboardInterrupt, too"
            case ast.FunctionDef(args=arguments):
                for default in arguments.defaults + [d for d in arguments.kw_defaults if d]:
                    if isinstance(default, ast.List | ast.Dict | ast.Set):
                        yield default.lineno, "a mutable default is shared by all calls"
            case ast.Compare(ops=operators, comparators=values):
                for operator, value in zip(operators, values):
                    none = isinstance(value, ast.Constant) and value.value is None
                    if none and isinstance(operator, ast.Eq | ast.NotEq):
                        yield node.lineno, "None is compared with `is`"
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for name, line in imported.items():
        if name not in used and name != "shop":
            yield line, f"{name} is imported and not used"


def main() -> None:
    files, found = sorted(ROOT.glob("*/*.py")), 0
    for path in files:
        text = path.read_text()
        for line, message in sorted([*text_problems(text), *tree_problems(ast.parse(text))]):
            print(f"{path.relative_to(ROOT)}:{line}: {message}")
            found += 1
    print(f"{len(files)} files, {found} problems")
    sys.exit(found > 0)


if __name__ == "__main__":
    main()
