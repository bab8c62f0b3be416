#!/bin/bash
# Argo's own examples and end-to-end tests, run by a gantryd of our own, against what Argo made of them. The cases and
# their runner are not part of this repository: they are looked for in ../shared/conformance (or $GANTRY_SHARED).
#
#   argo_test.sh DIRECTORY-OF-GANTRY-AND-GANTRYD [--real]
#
# --real: compares whole statuses and logs with what Argo gave on a cluster; what differs for a reason is in exceptions.tsv.
# Exit status 77 when they are not there. JOBS (default 8): cases at a time. ROUNDS (default 1): how often, in a row.
set -euo pipefail
SELF=argo_test
here=$(dirname "$(readlink -f "$0")")
root=$(readlink -f "$here/../..")
# shellcheck source=scripts/lib/common.sh
source "$root/scripts/lib/common.sh"
# shellcheck source=scripts/lib/services.sh
source "$root/scripts/lib/services.sh"

runner=${GANTRY_SHARED:-$root/../shared}/conformance/argo.py
if [[ ! -e $runner ]]; then
    say "skipped: $runner is not there"
    exit 77
fi
[[ $EUID == 0 ]] || fail "this needs root"
[[ $# -gt 0 ]] || { usage >&2; exit 2; }
export PATH=$1:$PATH
compare=()
[[ ${2:-} != --real ]] || compare=(--real "${runner%/*}/argo-real" --exceptions "$here/exceptions.tsv")
archives=$("$root/scripts/test-images" | sed -n 's/.*archives are in //p')

unset TMPDIR
WORK=$(mktemp -d /tmp/gantry-cf.XXXXXX)
chmod 755 "$WORK"
trap stop_services EXIT
trap 'exit 143' TERM INT HUP
# The cases mount directories of the host.
cp "${GANTRY_CONFORMANCE_CONFIG:-$here/gantry.yaml}" "$WORK/gantry.yaml"
start_service gantryd gantryd --config "$WORK/gantry.yaml" --state-dir "$WORK/state" --socket "$WORK/gantry.sock" \
    --containerd private
export GANTRY_HOST=unix://$WORK/gantry.sock
await gantryd 60 gantry image list
for archive in "$archives"/*.tar; do
    gantry image import "$archive" > "$WORK/import.log" 2>&1 || { cat "$WORK/import.log"; fail "import of $archive"; }
done

# Bounded by the runner: a case that does not end in its time has failed.
status=0
for ((round = 1; round <= ${ROUNDS:-1} && status == 0; round++)); do
    start=$(now)
    "$runner" --socket "$WORK/gantry.sock" --jobs "${JOBS:-8}" "${compare[@]}" > "$WORK/runner.log" 2>&1 || status=$?
    say "round $round: $(tail -n 1 "$WORK/runner.log"), in $(took "$start")"
done
# A case that failed, and what was wrong with it.
[[ $status == 0 ]] || sed -n '/^FAIL/,/^ok/{/^ok/!p}' "$WORK/runner.log"
exit "$status"
