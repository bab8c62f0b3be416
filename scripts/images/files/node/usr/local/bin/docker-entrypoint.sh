#!/bin/sh
# Options, and words that are no program, are for node.
set -e
if [ "${1#-}" != "$1" ] || ! command -v "$1" > /dev/null; then
    set -- node "$@"
fi
exec "$@"
