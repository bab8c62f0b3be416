#!/bin/bash
# scripts/lib/services.sh ends what it started, and what that left behind.
set -euo pipefail
root=$(readlink -f "$(dirname "$(readlink -f "$0")")/../..")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat > "$work/script" <<END
set -euo pipefail
SELF=script
source "$root/scripts/lib/common.sh"
source "$root/scripts/lib/services.sh"
WORK=\$(mktemp -d "$work/XXXXXX")
trap stop_services EXIT
start_service obedient sleep 1000
start_service parent bash -c '(exec -a "\$1/left-behind" sleep 1000) & echo \$! > "\$1/left"; wait' bash "\$WORK"
await parent 10 test -s "\$WORK/left"
port=\$(free_port)
start_service server /usr/bin/python3 -c 'import socket, sys, time; s = socket.create_server(("127.0.0.1", int(sys.argv[1]))); time.sleep(1000)' "\$port"
await server 10 listens "\$port"
echo "\$WORK \${SERVICES[obedient]} \${SERVICES[parent]} \${SERVICES[server]} \$(< "\$WORK/left")"
terminate() { kill -TERM \$\$; sleep 10; }
"\$@"
END

fail() { echo "FAIL  $*"; exit 1; }
alive() { [[ -e /proc/$1 && $(awk '/^State/ { print $2 }' "/proc/$1/status") != Z ]]; }
for last in true false "fail no-luck" terminate; do
    status=0
    # shellcheck disable=SC2086  # $last is a command and its argument
    output=$(bash "$work/script" ${last} 2> "$work/errors") || status=$?
    read -r directory pids <<< "$output"
    [[ -n $directory && ! -e $directory ]] || fail "$last: $directory is still there: $(cat "$work/errors")"
    [[ $(wc -w <<< "$pids") == 4 ]] || fail "$last: $pids: $(cat "$work/errors")"
    for pid in $pids; do alive "$pid" && fail "$last: $pid still runs"; done
    echo "ok    $last (status $status)"
done

cat > "$work/dies" <<END
SELF=script
source "$root/scripts/lib/common.sh"
source "$root/scripts/lib/services.sh"
WORK=\$(mktemp -d "$work/XXXXXX")
trap stop_services EXIT
start_service broken sh -c 'echo the reason >&2; exit 3'
await broken 30 false
END
if output=$(bash "$work/dies" 2>&1); then fail "a service that dies is not noticed"; fi
[[ $output == $'the reason\nscript: broken did not start' ]] || fail "unclear: $output"
echo "ok    a service that dies"
