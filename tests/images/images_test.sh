#!/bin/bash
# Runs the images of scripts/test-images and checks that they do what the conformance cases rely on.
#
#   tests/images/images_test.sh SOCKET
#
# SOCKET is that of a containerd which has them (scripts/test-images --import SOCKET). Prints a line for each check;
# ends with 1 when one failed. Needs root and ctr; port 80 of this host must be free for the check of nginx.
set -uo pipefail

socket=${1:?usage: images_test.sh SOCKET}
passed=0
failed=0
scratch=$(mktemp -d)
serial=0

ctr_() { ctr -a "$socket" -n gantry "$@"; }

# remove ID: ends and removes a container that may still run.
remove() {
    ctr_ tasks kill -s SIGKILL "$1"
    for _ in {1..50}; do
        ctr_ tasks delete "$1" && break
        ctr_ containers info "$1" || return
        sleep 0.1
    done
    ctr_ containers delete "$1"
} > /dev/null 2>&1

trap '[[ -z ${server:-} ]] || remove "$server"; rm -rf "$scratch"' EXIT

full_name() {
    local name=$1
    case $name in
        ghcr.io/*) ;;
        */*) name=docker.io/$name ;;
        *) name=docker.io/library/$name ;;
    esac
    [[ ${name##*/} == *:* ]] || name=$name:latest
    echo "$name"
}

report() {
    if [[ -z $2 ]]; then
        passed=$((passed + 1))
        echo "ok    $1"
    else
        failed=$((failed + 1))
        echo "FAIL  $1"
        sed 's/^/      /' <<< "$2"
    fi
}

# execute STATUS IMAGE [OPTION…] [-- COMMAND…]: runs a container; what it writes goes to $scratch/stdout and, both streams
# together, $scratch/out. ctr takes the command in place of entrypoint and Cmd together; without one the image's own are
# run. Standard input stays open, so what reads it needs </dev/null. Sets problem to what is wrong, if anything is.
execute() {
    local want=$1 image options=() status id
    image=$(full_name "$2")
    shift 2
    while [[ $# -gt 0 && $1 != -- ]]; do options+=("$1"); shift; done
    [[ $# -gt 0 ]] && shift
    id=images-test-$$-$((serial += 1))
    timeout -s KILL 60 ctr -a "$socket" -n gantry run --rm "${options[@]}" "$image" "$id" "$@" \
        < /dev/null > "$scratch/stdout" 2> "$scratch/stderr"
    status=$?
    cat "$scratch/stdout" "$scratch/stderr" > "$scratch/out"
    problem=
    [[ $status == "$want" ]] || problem="exit status $status, wanted $want: $(head -c 600 "$scratch/out")"
    [[ $status != 137 ]] || remove "$id"
}

# check TITLE STATUS OUTPUT IMAGE […]: OUTPUT is the whole of stdout; ~TEXT: stdout and stderr together hold TEXT; -: any.
check() {
    local title=$1 status=$2 output=$3 problem have
    shift 3
    for _ in 1 2 3; do
        execute "$status" "$@"
        # On a busy host ctr may lose the output of a container that ends at once, because its copying ends with the
        # task. What is wholly missing is asked for again.
        [[ -z $problem && -n $output && $output != - && ! -s $scratch/out ]] || break
    done
    have=$(cat "$scratch/stdout"; echo .)
    have=${have%.}
    if [[ -z $problem ]]; then
        case $output in
            -) ;;
            '~'*) grep -qF -- "${output#\~}" "$scratch/out" || problem="no ${output#\~} in: $(head -c 600 "$scratch/out")" ;;
            *) [[ $have == "$output" ]] || problem="wrote $(printf %q "$have"), wanted $(printf %q "$output")" ;;
        esac
    fi
    report "$title" "$problem"
}

# config TITLE IMAGE FILTER WANTED: the image's configuration, as Python sees it.
config() {
    local manifest digest have
    manifest=$(ctr_ images list "name==$(full_name "$2")" | awk 'NR == 2 { print $3 }')
    digest=$(ctr_ content get "$manifest" | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["config"]["digest"])')
    have=$(ctr_ content get "$digest" | /usr/bin/python3 -c "import json, sys; c = json.load(sys.stdin)['config']; print($3)")
    report "$1" "$([[ $have == "$4" ]] || echo "is $have, wanted $4")"
}

nl=$'\n'

echo "argosay"
say=argoproj/argosay:v2
check "no arguments" 0 "hello argo$nl" $say
config "entrypoint, and no command" $say 'c["Entrypoint"], c.get("Cmd")' "['/argosay'] None"
config "v1 has a command only" argoproj/argosay:v1 'c.get("Entrypoint"), c["Cmd"]' "None ['cowsay']"
check "echo" 0 "hello argo$nl" $say -- /argosay echo
check "echo TEXT" 0 "hello world$nl" $say -- /argosay echo "hello world"
check "echo interprets escapes" 0 "a${nl}b$nl" $say -- /argosay echo 'a\nb'
check "echo TEXT FILE makes folder and file" 0 "x$nl" $say -- sh -c '/argosay echo x /tmp/a/b/c && cat /tmp/a/b/c'
check "echo TEXT FILE is silent" 0 "" $say -- /argosay echo x /tmp/a/b/c
check "echo TEXT FILE where nothing can be written" 2 - $say -- /argosay echo x /proc/nothing
check "echo with four words" 0 "" $say -- /argosay echo a b c
check "cat FILE" 0 "~root:" $say -- /argosay cat /etc/passwd
check "cat of what is not there" 1 - $say -- /argosay cat /nothing
check "cat without FILE" 2 - $say -- /argosay cat
check "exit" 0 "" $say -- /argosay exit
check "exit N" 3 "" $say -- /argosay exit 3
check "an unknown word" 1 "" $say -- /argosay "exit 1"
check "sleep" 0 "" $say -- /argosay sleep 0.1s
check "assert_contains, found" 0 "hello$nl" $say -- sh -c 'echo hello > /tmp/f; exec /argosay assert_contains /tmp/f ell'
check "assert_contains, not found" 1 "" $say -- sh -c 'echo hello > /tmp/f; exec /argosay assert_contains /tmp/f x'
check "assert_contains, no file" 2 - $say -- /argosay assert_contains /nothing x
check "sh FILE" 7 "" $say -- sh -c 'echo exit 7 > /tmp/f; exec /argosay sh /tmp/f'
for uid in 1000 1234 8737; do
    check "uid $uid can run it and write /tmp" 0 "x$nl" $say -- setpriv --reuid $uid --regid $uid --clear-groups sh -c '/argosay echo x /tmp/o && cat /tmp/o'
done
check "/bin/sleep, /bin/sh, /bin/bash are there" 0 "hello argo$nl" $say -- /bin/bash -c '/bin/sleep 0.1; /bin/sh -c /argosay'
check "sh is dash: no [[" 127 - argoproj/argosay:v1 -- sh -c '[[ a == a ]]'
check "bash: [[, BASHPID, kill" 0 "ok$nl" argoproj/argosay:v1 -- bash -c '[[ a == a* ]] && (( BASHPID > 0 )) && sleep 9 & kill $!; echo ok'
check "kill \$BASHPID" 143 "" argoproj/argosay:v1 -- sh -c 'bash -c "kill \$BASHPID"'
check "ps -aef" 0 "~UID          PID" argoproj/argosay:v1 -- ps -aef
check "test without arguments" 1 "" $say -- test
check "no program named invalid" 1 "~executable file not found" $say -- invalid
check "dd allocates" 0 "536870912$nl" $say -- sh -c 'dd if=/dev/zero bs=512M count=1 2> /dev/null | wc -c'
check "dd over the memory limit is killed" 137 - $say --memory-limit $((50 << 20)) -- sh -c 'exec dd if=/dev/zero of=/dev/null bs=512M count=1'
check "coreutils and friends" 0 "~/usr/bin/xargs" $say -- sh -c 'set -e; for p in awk basename cat cp cut date diff dirname env expr find grep gzip head hostname id ln ls mkdir mktemp mv nproc od printf pwd readlink rm sed seq sha256sum sort stat tail tar tee timeout touch tr true uname uniq wc which xargs; do command -v $p; done'

echo "cowsay"
cow='        \   ^__^
         \  (oo)\_______
            (__)\       )\/\
                ||----w |
                ||     ||
'
check "a word" 0 " _______$nl< hello >$nl -------$nl$cow" argoproj/argosay:v1 -- cowsay hello
check "standard input, when empty" 0 " __$nl<  >$nl --$nl$cow" argoproj/argosay:v1 -- sh -c 'cowsay < /dev/null'
check "long lines are wrapped" 0 '~/ aaaaaaaaaaaaaaaaaaaa' argoproj/argosay:v2 -- cowsay aaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbb cccc
check "in UTF-8" 0 '~< grüß >' argoproj/argosay:v2 --env LANG=C.UTF-8 -- cowsay grüß
check "docker/whalesay" 0 '~< default message >' docker/whalesay -- cowsay default message

echo "busybox and alpine"
check "echo" 0 "hello world$nl" busybox -- echo "hello world"
config "busybox runs sh" busybox 'c["Cmd"]' "['sh']"
check "sh, pipes, files" 0 "2$nl" busybox -- sh -c 'mkdir -p "$(dirname /tmp/a/b)"; printf "1\n2\n3\n" | head -n 2 | tee /tmp/a/b | wc -l'
check "find" 0 "~/etc/passwd" busybox -- find /etc
check "sleep with parts of seconds and units" 0 "" busybox -- sh -c 'sleep 0.1; sleep 0.001m'
check "programs on PATH come before applets" 0 "mine$nl" busybox -- sh -c 'mkdir /my; echo "echo mine" > /my/wget; chmod +x /my/wget; PATH=/my:$PATH; wget'
check "sh -x" 0 "~+ '[' 1 -eq 0 ]" alpine:3.23 -- sh -xc '[ 1 -eq 0 ] || true'
check "[[ -t 0 ]]" 1 "" alpine:3.23 -- sh -c '[[ -t 0 ]]'
check "od" 0 - alpine:3.23 -- sh -c 'n=$(head -c 2 /dev/urandom | od -N2 -An -i) && [ "$n" -eq "$n" ]'
check "awk, grep in /proc/mounts" 0 "2$nl" alpine:3.23 -- sh -c 'grep -q " / " /proc/mounts && awk "BEGIN { print 1 + 1 }"'
check "nc -lk -p PORT -e PROGRAM serves more than once" 0 "hi${nl}hi$nl" alpine:3.23 -- sh -c 'nc -lk -p 9999 -e /bin/hostname & sleep 0.3; for i in 1 2; do nc -w 1 127.0.0.1 9999 < /dev/null > /dev/null && echo hi; done; kill $!'
check "nc -z" 0 "" alpine:3.23 -- sh -c 'nc -lk -p 9998 -e /bin/true & sleep 0.3; nc -z 127.0.0.1 9998 && ! nc -z 127.0.0.1 9997; s=$?; kill $!; exit $s'
check "httpd and wget" 0 "x$nl" busybox -- sh -c 'echo x > /tmp/f; httpd -p 127.0.0.1:8081 -h /tmp; wget -q -O - http://127.0.0.1:8081/f'
check "tmp is open to all, root's home is not" 0 "1777 700$nl" busybox -- sh -c 'echo $(stat -c "%a" /tmp /root)'

echo "names of systems"
check "debian:9.1" 0 '~VERSION_ID="9"' debian:9.1 -- cat /etc/os-release
check "debian:8.9" 0 '~(jessie)' debian:8.9 -- cat /etc/os-release
check "ubuntu:17.10" 0 '~VERSION_ID="17.10"' ubuntu:17.10 -- cat /etc/os-release
check "alpine:3.6" 0 '~VERSION_ID=3.6' alpine:3.6 -- cat /etc/os-release
check "alpine:3.23" 0 '~PRETTY_NAME="Alpine Linux v3.23"' alpine:3.23 -- cat /etc/os-release
check "debian:9.4" 0 "x$nl" debian:9.4 -- sh -c 'echo x'
config "debian runs bash" debian:latest 'c["Cmd"]' "['bash']"

echo "python, node, jq, git"
for image in python:alpine3.23 python:3.11; do
    check "$image -c" 0 "heads$nl" $image -- python -c 'import random, json, sys, os, time, ssl, sqlite3, ctypes, zlib, bz2, lzma, hashlib, urllib.request, subprocess; print("heads")'
    check "$image as python3, with a status" 3 "" $image -- python3 -c 'import sys; sys.exit(3)'
    check "$image runs a script" 0 "4$nl" $image -- sh -c 'echo "print(2 + 2)" > /tmp/s; python /tmp/s'
done
check "the standard library is compiled" 0 "True$nl" python:alpine3.23 -- python -c 'import json; print(json.__cached__ and __import__("os").path.exists(json.__cached__))'
for image in node:9.1-alpine node:16-buster-slim; do
    check "$image SCRIPT" 0 "4 1$nl" $image -- sh -c 'echo "console.log(Math.max(4, 2), [1].map(x => x)[0])" > /tmp/s; node /tmp/s'
done
config "node's entrypoint" node:9.1-alpine 'c["Entrypoint"], c["Cmd"]' "['docker-entrypoint.sh'] ['node']"
check "the entrypoint takes a script for node" 0 "1$nl" node:9.1-alpine -- docker-entrypoint.sh -e 'console.log(1)'
check "the entrypoint takes a program" 0 "1$nl" node:9.1-alpine -- docker-entrypoint.sh echo 1
check "jq" 0 "\"b\"$nl" stedolan/jq:latest -- sh -c "echo '[\"a\",\"b\"]' > /tmp/i; cat /tmp/i | jq '.[1]'"
config "jq's entrypoint" stedolan/jq 'c["Entrypoint"]' "['jq']"
check "git clone" 0 "~content" alpine/git:2.43.0 -- sh -ec 'git init -q /tmp/a; cd /tmp/a; echo content > f; git add f; git -c user.name=n -c user.email=e@e commit -qm m; git clone -q file:///tmp/a /tmp/b; sed s/x/y/ /tmp/b/f; git -C /tmp/b log --oneline'
check "git over https has its helper" 128 "~onnect" alpine/git -- git ls-remote https://127.0.0.1:9/x.git
check "git over ssh has ssh" 0 "~OpenSSH" alpine/git -- ssh -V
config "git's entrypoint" alpine/git 'c["Entrypoint"], c["Cmd"], c["WorkingDir"]' "['git'] ['--help'] /git"
check "docker's client" 0 "~Docker version" docker:cli -- docker --version
check "docker version names the client and misses the engine" 1 "~Cannot connect" docker:latest -- docker version
check "docker images have sh" 0 "x$nl" docker:cli -- sh -c 'echo x'
check "bash image" 0 "ok$nl" bash -- bash -c '[[ $BASHPID -gt 0 ]] && echo ok'

echo "nginx and curl"
server=images-test-$$-nginx
ctr_ run -d --net-host "$(full_name nginx:1.13)" "$server" 2> "$scratch/err" || report "nginx starts" "$(cat "$scratch/err")"
config "nginx stays in the foreground" nginx:1.13 'c["Cmd"]' "['nginx', '-g', 'daemon off;']"
page="<h1>Welcome to nginx!</h1>$nl"
check "the loop of sidecar-nginx" 0 "~$page" curlimages/curl:latest --net-host -- sh -c "until \`curl -G 'http://127.0.0.1/' >& /tmp/out\`; do echo sleep && sleep 0.2; done && cat /tmp/out"
check "curl --silent" 0 "$page" curlimages/curl:latest --net-host -- /bin/sh -c 'curl --silent -G http://127.0.0.1:80/'
check "curl's own user" 0 "curl_user$nl" curlimages/curl:latest -- id -un
check "curl's own user has a home" 0 "/home/curl_user$nl" curlimages/curl:latest -- pwd
check "entrypoint of curl" 0 "$page" curlimages/curl:latest --net-host -- /entrypoint.sh -s http://127.0.0.1/
check "curl image without a command" 2 - curlimages/curl:latest
for image in nginx:1.13 nginx:alpine; do
    check "$image -t" 0 "~test is successful" $image -- nginx -t
done
ctr_ tasks kill -s SIGTERM "$server"
for _ in {1..100}; do ctr_ tasks list | grep -q "$server.*STOPPED" && break; sleep 0.1; done
report "nginx ends at SIGTERM" "$(ctr_ tasks list | grep "$server.*RUNNING")"

echo "$passed passed, $failed failed"
[[ $failed == 0 ]]
