#!/bin/bash
# The image step the way people do it: a container with the host's /var/run/docker.sock builds an image and pushes it to
# a registry; the next workflow pulls it from there and runs it.
#
#   docker_socket_test.sh DIRECTORY-OF-GANTRY-AND-GANTRYD
#
# Real: a dockerd with a socket of its own, docker-registry, gantryd with a containerd of its own. All on loopback.
set -euo pipefail
SELF=docker_socket_test
root=$(readlink -f "$(dirname "$(readlink -f "$0")")/../..")
# shellcheck source=scripts/lib/common.sh
source "$root/scripts/lib/common.sh"
# shellcheck source=scripts/lib/services.sh
source "$root/scripts/lib/services.sh"
here=$root/tests/integration/docker_socket
export PATH=$1:$PATH

[[ $EUID == 0 ]] || fail "this needs root"
for program in /usr/bin/docker dockerd docker-registry; do
    command -v "$program" > /dev/null || fail "no $program: scripts/install-packages test"
done
archives=$("$root/scripts/test-images" docker:20.10-cli | sed -n 's/.*archives are in //p')

unset TMPDIR
WORK=$(mktemp -d /tmp/gantry-dkr.XXXXXX)
chmod 755 "$WORK"
parent=/${WORK##*/}
clean_up() {
    stop_services
    find /sys/fs/cgroup -depth -type d -path "*$parent*" -exec rmdir {} + 2> /dev/null || true
}
trap clean_up EXIT
trap 'exit 143' TERM INT HUP

# ---- dockerd and the registry -----------------------------------------------------------------------------------------
registry=localhost:$(free_port)
cat > "$WORK/registry.yml" <<END
version: 0.1
log: { level: warn, accesslog: { disabled: true } }
storage: { filesystem: { rootdirectory: $WORK/registry } }
http: { addr: "127.0.0.1:${registry#*:}", secret: not-of-importance }
END
echo '{}' > "$WORK/docker.json"
start_service registry docker-registry serve "$WORK/registry.yml"
start_service dockerd dockerd --host "unix://$WORK/docker.sock" --data-root "$WORK/docker" --exec-root "$WORK/exec" \
    --pidfile "$WORK/docker.pid" --config-file "$WORK/docker.json" --bridge=none --iptables=false --ip6tables=false \
    --cgroup-parent "$parent"
await registry 30 curl --silent --fail "http://$registry/v2/"
await dockerd 60 /usr/bin/docker --host "unix://$WORK/docker.sock" info
say "dockerd and docker-registry are up"

# ---- Gantry ------------------------------------------------------------------------------------------------------------
cat > "$WORK/gantry.yaml" <<END
host_path_allow:
  - $WORK/docker.sock
  - $WORK/context
END
start_service gantryd gantryd --config "$WORK/gantry.yaml" --state-dir "$WORK/state" --socket "$WORK/gantry.sock" \
    --containerd private
export GANTRY_HOST=unix://$WORK/gantry.sock
await gantryd 60 gantry image list
gantry image import "$archives/docker.tar" > "$WORK/import.log" 2>&1 || { cat "$WORK/import.log"; fail "import"; }

# run FILE WANTED-STATUS [OPTION…]: output in $WORK/output.
run() {
    local file=$1 wanted=$2 status=0
    shift 2
    gantry run "$here/$file" -p registry="$registry" "$@" > "$WORK/output" 2>&1 || status=$?
    [[ $status == "$wanted" ]] && return
    cat "$WORK/output"
    fail "$file $* ended with $status"
}
# contains WHAT TEXT
contains() {
    grep -qF -- "$2" "$WORK/output" || { cat "$WORK/output"; fail "$1: no \"$2\""; }
    say "ok: $1"
}

mkdir "$WORK/context"
cp /usr/bin/busybox "$WORK/context/" # the static one
cat > "$WORK/context/Dockerfile" <<'END'
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
ARG GREETING
RUN echo "$GREETING" > /greeting
USER 1000:1000
CMD ["cat", "/greeting"]
END
for greeting in first second; do
    run build.yaml 0 -p socket="$WORK/docker.sock" -p context="$WORK/context" -p greeting="the $greeting image"
    contains "docker build" "Successfully tagged $registry/app:1"
    contains "docker push" "1: digest: sha256:"
    # The second time, the tag is there already and means another image.
    run run.yaml 0
    contains "the pulled image runs" "the $greeting image"
done

gantry image list -o name | grep -qFx "$registry/app:1" || fail "the pulled image is not listed as $registry/app:1"
run run.yaml 1 -p tag=none
contains "a tag that the registry does not have" "$registry/app:none"
run build.yaml 1 -p socket="$WORK/docker.sock" -p context=/etc -p greeting=x
contains "a host path that is not allowed" "/etc"
run run.yaml 0
contains "all goes on after that" "the second image"
