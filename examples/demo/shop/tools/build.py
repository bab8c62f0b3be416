"""Builds the shop: tools/build.py VERSION OUTPUT

One file that Python runs, and the same bytes for the same sources, whoever builds it and when.
"""

import hashlib
import pathlib
import stat
import sys
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def contents(version: str) -> dict[str, bytes]:
    files = {str(path.relative_to(ROOT)): path.read_bytes() for path in sorted(ROOT.glob("shop/*.py"))}
    stamped = files["shop/__init__.py"].replace(b'"development"', f'"{version}"'.encode())
    return files | {"shop/__init__.py": stamped, "__main__.py": b"import shop.__main__\n"}


def build(version: str, output: pathlib.Path) -> str:
    output.parent.mkdir(parents=True, exist_ok=True)
    with open(output, "wb") as file:
        file.write(b"#!/usr/bin/env python3\n")
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for name, data in sorted(contents(version).items()):
                archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    output.chmod(output.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return hashlib.sha256(output.read_bytes()).hexdigest()


def main() -> None:
    output = pathlib.Path(sys.argv[2])
    print(f"{build(sys.argv[1], output)}  {output}")


if __name__ == "__main__":
    main()
