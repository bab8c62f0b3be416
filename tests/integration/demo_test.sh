#!/bin/bash
# scripts/demo does what it says, with and without --fail, from any directory, and builds nothing the second time.
set -euo pipefail
SELF=demo_test
root=$(readlink -f "$(dirname "$(readlink -f "$0")")/../..")
# shellcheck source=scripts/lib/common.sh
source "$root/scripts/lib/common.sh"
output=$(mktemp)
trap 'rm -f "$output"' EXIT
cd /

# demo WANTED-STATUS [--fail]
demo() {
    local wanted=$1 status=0
    shift
    TMPDIR=/tmp/$(printf 'long%.0s' {1..30}) "$root/scripts/demo" "$@" > "$output" 2>&1 < /dev/null || status=$?
    [[ $status == "$wanted" ]] || problem "scripts/demo $* ended with $status"
    contains "build: release is up to date" "everything is stopped and removed"
    lacks "left behind"
}
problem() { cat "$output"; fail "$*"; }
contains() {
    local text
    for text; do grep -qF -- "$text" "$output" || problem "no \"$text\""; done
}
lacks() {
    local text
    for text; do if grep -qF -- "$text" "$output"; then problem "there is \"$text\""; fi; done
}

"$root/scripts/build"
demo 0
contains "✔ unit-test" "✔ lint" "✔ type-check" "✔ integration-test" "✔ security-scan" "✔ secure-build" "✔ deploy-staging" \
    "✔ deploy-production" "○ notify" "Ran 8 tests" "reproduced by user 1000 with capabilities 0x0" \
    "Deploy registry.example.com/shop:1.2.0 to production" "+          image: registry.example.com/shop:1.2.0"
say "ok: the pipeline succeeds"

demo 1 --fail
contains "✖ unit-test" "✔ lint" "✔ type-check" "✔ notify" "FAIL: test_half_a_cent_is_rounded_up"
lacks "integration-test" "security-scan" "deploy-staging" "Deploy registry.example.com"
grep -qE '^\{"text": "ci-cd-pipeline-[a-z0-9]{5}: Failed", "version": "1.2.0"\}$' "$output" || problem "no alert"
say "ok: the pipeline fails"
