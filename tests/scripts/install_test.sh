#!/bin/bash
# cmake --install puts everything in its place, and systemd has no complaint about the units.
#
#   install_test.sh CMAKE BUILD-DIRECTORY
set -euo pipefail
cmake=$1 build=$(readlink -f "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() { echo "FAIL  $*"; exit 1; }
install() { DESTDIR=$work/root "$cmake" --install "$build" --prefix "$1" > "$work/install.log" || fail "cmake --install: $(tail -n 3 "$work/install.log")"; }

install /usr
cd "$work/root"
for file in usr/bin/gantry usr/sbin/gantryd usr/libexec/gantry/containerd-shim-gantry-v1; do [[ -x $file ]] || fail "no program $file"; done
for file in usr/lib/systemd/system/gantry.{service,socket} usr/lib/sysusers.d/gantry.conf etc/gantry/gantry.yaml; do
    [[ -f $file && $(stat -c %a "$file") == 644 ]] || fail "no file $file that all can read"
done
./usr/bin/gantry --help > /dev/null || fail "the installed gantry does not run"
./usr/sbin/gantryd --version > /dev/null || fail "the installed gantryd does not run"
./usr/libexec/gantry/containerd-shim-gantry-v1 -v > /dev/null || fail "the installed shim does not run"
# The file of the defaults is one that the daemon accepts, as it is and with every line of it active.
sed -E 's/^#( *[A-Za-z0-9_]+:)/\1/' etc/gantry/gantry.yaml > "$work/active.yaml"
[[ $(grep -c '^[a-z]' "$work/active.yaml") -ge 10 ]] || fail "the defaults are not commented out as expected"
for config in etc/gantry/gantry.yaml "$work/active.yaml"; do
    # It reads the file, and then fails for another reason.
    ./usr/sbin/gantryd --config "$config" --state-dir /dev/null/state > "$work/start.log" 2>&1 && fail "gantryd starts in /dev/null"
    grep -q "/dev/null/state" "$work/start.log" || fail "$config: $(cat "$work/start.log")"
done
echo "ok    programs and configuration"

# systemd looks at the units in the place where they are, among its own.
[[ -e lib ]] || ln -s usr/lib lib
cp -Rn /lib/systemd/system/. usr/lib/systemd/system/
verify() { systemd-analyze verify --root="$work/root" --man=no gantry.service gantry.socket 2>&1; }
complaints=$(verify) || fail "systemd-analyze verify: $complaints"
[[ -z $complaints ]] || fail "systemd-analyze verify: $complaints"
sed -i 's/^WatchdogSec=/WatchdogSek=/' usr/lib/systemd/system/gantry.service
[[ -n $(verify) ]] || fail "systemd-analyze does not look at this unit"
echo "ok    units"

# A configuration that was edited stays; another prefix is in the unit.
echo "log_level: debug" > etc/gantry/gantry.yaml
install /usr/local
[[ $(< etc/gantry/gantry.yaml) == "log_level: debug" ]] || fail "the configuration was overwritten"
grep -qx 'ExecStart=/usr/local/sbin/gantryd' usr/local/lib/systemd/system/gantry.service || fail "the unit names another gantryd"
echo "ok    another prefix"
