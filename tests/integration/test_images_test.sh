#!/bin/bash
# Gives tests/images/images_test.sh a containerd of its own with all the images of scripts/test-images.
set -euo pipefail
SELF=test_images_test
root=$(readlink -f "$(dirname "$(readlink -f "$0")")/../..")
# shellcheck source=scripts/lib/common.sh
source "$root/scripts/lib/common.sh"
# shellcheck source=scripts/lib/services.sh
source "$root/scripts/lib/services.sh"
[[ $EUID == 0 ]] || fail "this needs root"

unset TMPDIR
WORK=$(mktemp -d /tmp/gantry-img.XXXXXX)
trap stop_services EXIT
trap 'exit 143' TERM INT HUP
cat > "$WORK/config.toml" <<END
version = 2
root = "$WORK/root"
state = "$WORK/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "$WORK/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "$WORK/opt"
END
start_service containerd containerd --config "$WORK/config.toml"
await containerd 60 ctr --address "$WORK/containerd.sock" version
"$root/scripts/test-images" --import "$WORK/containerd.sock"
"$root/tests/images/images_test.sh" "$WORK/containerd.sock"
