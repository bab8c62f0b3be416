#!/bin/sh
# Options, and words that are no program, are for curl.
set -e
if [ "${1#-}" != "$1" ] || ! command -v "$1" > /dev/null; then
    set -- curl "$@"
fi
exec "$@"
