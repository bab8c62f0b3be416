"""Tests what was built: tools/integration.py ARTIFACT VERSION

Starts the artifact on a port that the kernel chooses and speaks HTTP with it.
"""

import json
import subprocess
import sys
import urllib.error
import urllib.request


def call(url: str, value: object = None) -> tuple[int, dict[str, str]]:
    data = None if value is None else json.dumps(value).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data), timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def check(what: str, got: object, wanted: object) -> None:
    print(f"{'ok  ' if got == wanted else 'FAIL'}  {what}: {got}", flush=True)
    if got != wanted:
        sys.exit(f"wanted {wanted}")


def main() -> None:
    artifact, version = sys.argv[1:]
    with subprocess.Popen([sys.executable, artifact, "0"], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            banner = server.stdout.readline()
            url = "http://127.0.0.1:" + banner.rpartition(" ")[2].strip()
            tea = {"article": "tea", "price": "4.20", "quantity": 10}
            check("health", call(url + "/healthz"), (200, {"status": "ok", "version": version}))
            check("quote", call(url + "/quote", {"lines": [tea]}), (200, {"net": "39.90", "gross": "47.48"}))
            check("bad cart", call(url + "/quote", {})[0], 400)
            check("no such page", call(url + "/admin")[0], 404)
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
