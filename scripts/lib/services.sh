# shellcheck shell=bash
# Starts daemons for the demo and for tests, and ends what it started. Sourced after common.sh.
#
# WORK is a directory of the caller's own below /tmp: socket paths are limited to 107 characters. A caller sets a trap:
#   trap stop_services EXIT

declare -A SERVICES=() # name -> process id
SERVICE_ORDER=()

# start_service NAME COMMAND…: in the background; output goes to $WORK/NAME.log. In a session of its own: what Ctrl-C
# interrupts is the script, which then ends its services in their order.
start_service() {
    local name=$1
    shift
    setsid "$@" > "$WORK/$name.log" 2>&1 < /dev/null &
    SERVICES[$name]=$!
    SERVICE_ORDER=("$name" "${SERVICE_ORDER[@]}")
}

# await NAME SECONDS COMMAND…: until the command succeeds; fails, with the end of its log, when the service NAME is gone
# or the time is over.
await() {
    local name=$1 end=$(($(now) + $2 * 1000))
    shift 2
    until "$@" > /dev/null 2>&1; do
        if ! kill -0 "${SERVICES[$name]}" 2> /dev/null || (($(now) > end)); then
            tail -n 20 "$WORK/$name.log" >&2
            fail "$name did not start"
        fi
        sleep 0.05
    done
}

# stop_service NAME [SECONDS]: SIGTERM, and after the time SIGKILL.
stop_service() {
    local pid=${SERVICES[$1]:-} end=$(($(now) + ${2:-15} * 1000))
    [[ -n $pid ]] || return 0
    unset "SERVICES[$1]"
    kill -TERM "$pid" 2> /dev/null || true
    while kill -0 "$pid" 2> /dev/null; do
        if (($(now) > end)); then
            echo "$SELF: $1 ($pid) does not end; killing it" >&2
            kill -KILL "$pid" 2> /dev/null || true
            break
        fi
        sleep 0.05
    done
    wait "$pid" 2> /dev/null || true
}

# processes_of DIRECTORY: ids of the processes that name it on their command line, and of those whose root is below it,
# which are containers. This shell is left out.
processes_of() {
    local file here there
    here=$(readlink /proc/self/ns/mnt)
    {
        grep -lsFf /dev/stdin /proc/[0-9]*/cmdline <<< "$1"
        while IFS= read -r file; do
            # One that has ended meanwhile has none.
            if there=$(readlink "${file%/*}/ns/mnt") && [[ $there != "$here" ]]; then echo "$file"; fi
        done < <(grep -lsFf /dev/stdin /proc/[0-9]*/mountinfo <<< "$1")
    } | sed 's,^/proc/,,; s,/.*,,' | grep -vxe "$$" -e "$BASHPID" | sort -un || true
}

# stop_services: ends all of them, the last one first, with whatever they left behind, and removes $WORK.
stop_services() {
    local name pid path
    for name in "${SERVICE_ORDER[@]}"; do stop_service "$name"; done
    SERVICE_ORDER=()
    [[ -n ${WORK:-} && -d $WORK ]] || return 0
    # Nothing should be left. If a daemon died, its containerd and the shims may be.
    for pid in $(processes_of "$WORK/"); do
        echo "$SELF: ending a process that was left behind: $pid ($(tr '\0' ' ' < "/proc/$pid/cmdline" 2> /dev/null))" >&2
        kill -KILL "$pid" 2> /dev/null || true
    done
    while read -r _ _ _ _ path _; do
        [[ $path == "$WORK"/* ]] && umount -l "$path" 2> /dev/null
    done < <(tac /proc/self/mountinfo)
    rm -rf --one-file-system "$WORK"
}

# free_port: a loopback port that nobody listens on now.
free_port() {
    /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# listens PORT
listens() { (: < "/dev/tcp/127.0.0.1/$1") 2> /dev/null; }
