#!/usr/bin/env python3
"""Compares the results of a conformance run with the exceptions that are known.

  compare.py RESULTS.xml EXCEPTIONS.tsv

An exception is a line: the case's file name, a tab, why it cannot come out as it does in Argo on one host. A case that
fails without being listed is an error, and so is one that is listed and passes, is not there, or stands without a reason.
"""
import sys
import xml.etree.ElementTree


def read_exceptions(path):
    exceptions, errors = {}, []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip() or line.startswith("#"):
                continue
            name, _, reason = line.rstrip("\n").partition("\t")
            if not reason.strip():
                errors.append(f"{path}:{number}: {name} has no reason")
            if name in exceptions:
                errors.append(f"{path}:{number}: {name} is listed twice")
            exceptions[name] = reason
    return exceptions, errors


def read_results(path):
    """The cases, each with what was wrong or None."""
    results = {}
    for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
        failure = case.find("failure")
        results[case.get("name")] = None if failure is None else failure.get("message", "")
    return results


def main():
    exceptions, errors = read_exceptions(sys.argv[2])
    results = read_results(sys.argv[1])
    if not results:
        errors.append("no case was run")
    for name, problem in sorted(results.items()):
        if problem is not None and name not in exceptions:
            errors.append(f"{name}: {problem}")
        if problem is None and name in exceptions:
            errors.append(f"{name} passes, though it is listed: {exceptions[name]}")
    errors += [f"{name} is listed, but there is no such case" for name in exceptions if name not in results]
    for error in errors:
        print(error)
    passed = sum(problem is None for problem in results.values())
    expected = sum(problem is not None and name in exceptions for name, problem in results.items())
    print(f"{passed} passed, {expected} differ as expected, {len(errors)} failed")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
