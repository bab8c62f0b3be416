#!/bin/bash
# The application of the demo passes its own checks, is built to the same bytes twice, and the checks can fail.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -R "$(dirname "$(readlink -f "$0")")/../../examples/demo/shop" "$work/shop"
cd "$work/shop"
export PYTHONDONTWRITEBYTECODE=1
python=/usr/bin/python3

fail() { echo "FAIL  $*"; exit 1; }
# refuses WHAT FILE TEXT COMMAND…: with TEXT appended to FILE, the command fails.
refuses() {
    local what=$1 file=$2 text=$3
    shift 3
    cp "$file" "$work/kept"
    printf '%s\n' "$text" >> "$file"
    if "$@" > "$work/output" 2>&1; then fail "$what was not found"; fi
    grep -q "^Traceback" "$work/output" && fail "$what: $(tail -n 1 "$work/output")"
    cp "$work/kept" "$file"
    echo "ok    finds $what"
}

$python -m unittest discover || fail "unit tests"
$python tools/lint.py || fail "lint"
$python tools/typecheck.py || fail "type check"
$python tools/scan.py "$work/report.json" || fail "scan"
$python tools/build.py 1.2.3 "$work/a.pyz"
(umask 077 && $python tools/build.py 1.2.3 "$work/b.pyz")
cmp "$work/a.pyz" "$work/b.pyz" || fail "the build is not reproducible"
[[ $($python "$work/a.pyz" --version) == 1.2.3 ]] || fail "the version is not stamped"
$python tools/integration.py "$work/a.pyz" 1.2.3 || fail "integration"

refuses "an unused import" shop/cart.py 'import os' $python tools/lint.py
refuses "a missing type" shop/cart.py 'def free(line): return 0' $python tools/typecheck.py
refuses "a wrong call" shop/cart.py 'def free() -> Decimal: return to_cents(1, 2)' $python tools/typecheck.py
refuses "eval" shop/cart.py 'eval("1")' $python tools/scan.py "$work/report.json"
refuses "a password" shop/cart.py 'PASSWORD = "correct horse"' $python tools/scan.py "$work/report.json"

# The revision of scripts/demo --fail.
sed -i 's/ROUND_HALF_UP/ROUND_HALF_EVEN/' shop/cart.py
if $python -m unittest discover > "$work/output" 2>&1; then fail "the bug was not found"; fi
grep -q "FAIL: test_half_a_cent_is_rounded_up" "$work/output" || fail "another test failed than expected"
for tool in lint typecheck; do $python tools/$tool.py > /dev/null || fail "$tool finds the bug, too"; done
echo "ok    the bug is found by the unit tests alone"
