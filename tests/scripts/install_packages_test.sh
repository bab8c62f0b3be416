#!/bin/bash
# scripts/install-packages: quick when there is nothing to do, and a clear line when it cannot.
set -euo pipefail
script=$(dirname "$(readlink -f "$0")")/../../scripts/install-packages

failed=0
check() {
    local what=$1
    shift
    if "$@"; then echo "ok    $what"; else echo "FAIL  $what"; failed=1; fi
}

# What is needed to get here is installed, so this says nothing and asks no apt.
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
printf '#!/bin/sh\necho "apt-get was called: $*" >&2\necho "E: no such package" \nexit 100\n' > "$tools/apt-get"
chmod +x "$tools/apt-get"
check "nothing missing: silent" test -z "$(PATH=$tools:$PATH "$script" build run test 2>&1)"

# A dpkg-query that knows of no ninja.
cat > "$tools/dpkg-query" <<'END'
#!/bin/sh
shift 3
for package; do [ "$package" = ninja-build ] || echo "installed $package"; done
END
chmod +x "$tools/dpkg-query"
status=0
output=$(PATH=$tools:$PATH "$script" build 2>&1) || status=$?
if [[ $EUID == 0 ]]; then
    check "says what it installs" grep -q 'installing 1 Debian packages: ninja-build' <<< "$output"
    check "ends with apt's own words" grep -q 'install-packages: apt-get install failed: E: no such package' <<< "$output"
else
    check "asks for root" grep -q 'only root can install ninja-build' <<< "$output"
fi
check "and fails" test "$status" = 1

status=0
output=$("$script" everything 2>&1) || status=$?
check "no such set" test "$status $output" = \
    "1 install-packages: no set of packages is called everything (there are build, run and test)"
exit "$failed"
