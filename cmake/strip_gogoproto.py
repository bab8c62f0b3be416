#!/usr/bin/env python3
"""Copies containerd 1.6's .proto files without their gogoproto parts, so that protoc's C++ generator takes them.

containerd 1.6 imports gogoproto weakly, which the C++ generator refuses. The options steer Go code only: the wire
format is the same without them.

usage: strip_gogoproto.py SOURCE_ROOT TARGET_ROOT FILE...
"""
import os
import re
import sys

WEAK_IMPORT = re.compile(r'^\s*import\s+weak\s+"[^"]*";[ \t]*\n', re.M)
FILE_OPTION = re.compile(r'^\s*option\s+\((?:gogoproto|containerd\.plugin)\.[^;]*;[ \t]*\n', re.M)
FIELD_OPTIONS = re.compile(r'\s*\[\s*\((?:gogoproto|containerd\.plugin)\.[^\]]*\]')


def main():
    source_root, target_root, files = sys.argv[1], sys.argv[2], sys.argv[3:]
    for name in files:
        with open(os.path.join(source_root, name), encoding="utf-8") as source:
            text = source.read()
        for pattern in (WEAK_IMPORT, FILE_OPTION, FIELD_OPTIONS):
            text = pattern.sub("", text)
        if "gogoproto" in text:
            sys.exit(f"{name}: a gogoproto option is left; this script does not know its form")
        target = os.path.join(target_root, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w", encoding="utf-8") as out:
            out.write(text)


if __name__ == "__main__":
    main()
