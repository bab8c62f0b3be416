"""Looks for security problems: tools/scan.py REPORT

Secrets in any file, dangerous calls in Python (read from the syntax tree, so a comment is no finding), and files that
everybody may write to. Writes a report in JSON; ends with 1 when a finding is of severity high.
"""

import ast
import json
import pathlib
import re
import stat
import sys
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parent.parent
SECRETS = {
    "private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "AWS access key": re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"),
    "GitHub token": re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36}\b"),
    "password": re.compile(r"(?i)\b(password|passwd|secret|token)\s*[:=]\s*['\"][^'\"{$]{6,}['\"]"),
}
CALLS = {
    "eval": "high", "exec": "high", "os.system": "high", "pickle.loads": "high", "pickle.load": "high",
    "marshal.loads": "high", "tempfile.mktemp": "medium", "hashlib.md5": "low", "hashlib.sha1": "low",
}


def finding(severity: str, path: pathlib.Path, line: int, message: str) -> dict[str, object]:
    return {"severity": severity, "file": str(path.relative_to(ROOT)), "line": line, "message": message}


def secrets(path: pathlib.Path, text: str) -> Iterator[dict[str, object]]:
    for number, line in enumerate(text.splitlines(), 1):
        for name, pattern in SECRETS.items():
            if pattern.search(line):
                yield finding("high", path, number, f"looks like a {name}")


def calls(path: pathlib.Path, text: str) -> Iterator[dict[str, object]]:
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        if name in CALLS:
            yield finding(CALLS[name], path, node.lineno, f"calls {name}")
        if name.startswith("subprocess.") and any(k.arg == "shell" for k in node.keywords):
            yield finding("high", path, node.lineno, f"{name} through a shell")


def scan() -> tuple[int, list[dict[str, object]]]:
    findings: list[dict[str, object]] = []
    ignored = {".git", "__pycache__"}
    files = [p for p in sorted(ROOT.rglob("*")) if p.is_file() and not ignored.intersection(p.parts)]
    for path in files:
        text = path.read_text(errors="replace")
        findings += secrets(path, text)
        if path.suffix == ".py":
            findings += calls(path, text)
        if path.stat().st_mode & stat.S_IWOTH:
            findings.append(finding("medium", path, 0, "everybody may write to it"))
    return len(files), findings


def main() -> None:
    count, findings = scan()
    report = pathlib.Path(sys.argv[1])
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(json.dumps({"files": count, "findings": findings}, indent=2) + "\n")
    for one in findings:
        print("{severity:6}  {file}:{line}: {message}".format(**one))
    print(f"{count} files, {len(findings)} findings; the report is {report}")
    sys.exit(any(one["severity"] == "high" for one in findings))


if __name__ == "__main__":
    main()
