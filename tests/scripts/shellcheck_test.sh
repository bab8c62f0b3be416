#!/bin/bash
# The linter of shell scripts has nothing to say about any shell script of the repository.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."

mapfile -t scripts < <(
    find .ci bench scripts systemd tests examples -type f ! -path '*/images/files/*' -print0 |
        xargs -0 awk 'FNR == 1 && /^#!.*[\/ ](ba)?sh( |$)|^# shellcheck shell=/ { print FILENAME } { nextfile }' | sort
)
((${#scripts[@]} >= 8)) || { echo "only ${#scripts[@]} scripts were found"; exit 1; }
# SC2016: single quotes around $ are meant, in what a container's shell is to expand. SC2088: as is ~ in patterns.
shellcheck --external-sources --exclude=SC2016,SC2088,SC2001 "${scripts[@]}"
echo "${#scripts[@]} scripts"
