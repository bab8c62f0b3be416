#!/bin/sh
# Options and docker's own commands are for docker.
set -e
if [ "${1#-}" != "$1" ] || docker help "$1" > /dev/null 2>&1; then
    set -- docker "$@"
fi
exec "$@"
