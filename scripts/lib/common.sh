# shellcheck shell=bash
# What the scripts share. Sourced; the script's name is the prefix of every line that it prints.

# shellcheck disable=SC2034  # used by the scripts that source this
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
SELF=${SELF:-${0##*/}}

if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
    BOLD=$'\e[1m' DIM=$'\e[2m' GREEN=$'\e[32m' RED=$'\e[31m' PLAIN=$'\e[0m'
else
    # shellcheck disable=SC2034  # used by the scripts that source this
    BOLD='' DIM='' GREEN='' RED='' PLAIN=''
fi

say() { echo "$SELF: $*"; }
fail() {
    echo "$SELF: $*" >&2
    exit 1
}

# now: milliseconds since the epoch.
now() { local t=${EPOCHREALTIME/[.,]/}; echo $((t / 1000)); }

# took START: the time since then, for people: 0.3 s, 12 s, 2 min 5 s.
took() {
    local ms=$(($(now) - $1))
    if ((ms < 10000)); then
        echo "$((ms / 1000)).$((ms % 1000 / 100)) s"
    elif ((ms < 120000)); then
        echo "$((ms / 1000)) s"
    else
        echo "$((ms / 60000)) min $((ms / 1000 % 60)) s"
    fi
}

# usage: the lines of the script's head comment that start with three spaces.
usage() { sed -n '/^#   /{s/^#   //;p}; /^[^#]/q' "$0"; }
