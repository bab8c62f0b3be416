#!/bin/bash
# Every example runs as its comments say. The pipeline is only checked here: scripts/demo runs it.
#
#   examples_test.sh DIRECTORY-OF-GANTRY-AND-GANTRYD
set -euo pipefail
SELF=examples_test
root=$(readlink -f "$(dirname "$(readlink -f "$0")")/../..")
# shellcheck source=scripts/lib/common.sh
source "$root/scripts/lib/common.sh"
# shellcheck source=scripts/lib/services.sh
source "$root/scripts/lib/services.sh"
export PATH=$1:$PATH
[[ $EUID == 0 ]] || fail "this needs root"
archives=$("$root/scripts/test-images" busybox | sed -n 's/.*archives are in //p')

unset TMPDIR
WORK=$(mktemp -d /tmp/gantry-ex.XXXXXX)
chmod 755 "$WORK"
trap stop_services EXIT
trap 'exit 143' TERM INT HUP
: > "$WORK/gantry.yaml"
start_service gantryd gantryd --config "$WORK/gantry.yaml" --state-dir "$WORK/state" --socket "$WORK/gantry.sock" \
    --containerd private
export GANTRY_HOST=unix://$WORK/gantry.sock
await gantryd 60 gantry image list
gantry image import "$archives/busybox.tar" > "$WORK/import.log" 2>&1 || { cat "$WORK/import.log"; fail "import"; }

# example FILE [OPTION…]: runs it; output in $WORK/output.
example() {
    local file=$1
    shift
    gantry run "$root/examples/$file" "$@" > "$WORK/output" 2>&1 || { cat "$WORK/output"; fail "$file failed"; }
}
# contains WHAT TEXT…
contains() {
    local what=$1 text
    shift
    for text; do grep -qF -- "$text" "$WORK/output" || { cat "$WORK/output"; fail "$what: no \"$text\""; }; done
    say "ok: $what"
}

gantry lint "$root"/examples/*.yaml
example hello-world.yaml
contains "hello" "Hello, world"
example dag-diamond.yaml
contains "a graph" fetch compile document package
if grep -q "clean up" "$WORK/output"; then fail "cleanup has run though nothing failed"; fi
example parameters-outputs.yaml -p name=Ada
contains "values" "Ada has 3 letters; backwards: adA"
example parameters-outputs.yaml -p name=Marie-Curie
contains "a condition" "Marie-Curie has 11 letters; backwards: eiruC-eiraM" "Marie-Curie has many letters"
example retry.yaml
contains "retries" "attempt 1" "attempt 2" "attempt 3"
gantry secret create database --from-literal user=shop --from-literal password=correct-horse > /dev/null
gantry configmap create settings --from-literal region=eu > /dev/null
example secrets.yaml
contains "secrets" "shop connects to eu with 13 bytes of password"
