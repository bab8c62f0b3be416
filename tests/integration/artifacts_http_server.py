#!/usr/bin/env python3
"""An HTTP server with good and bad habits, for artifacts_http_test. Prints its port, serves until its input ends."""
import base64
import http.server
import os
import ssl
import sys
import threading
import urllib.parse

STORED = {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        path = self.path.split("?")[0]
        if path == "/redirect":
            return self.answer(302, b"not this", Location="/file")
        if path == "/loop":
            return self.answer(302, Location="/loop")
        if path == "/to-file-url":
            return self.answer(302, Location="file:///etc/passwd")
        if path == "/basic":
            wanted = "Basic " + base64.b64encode(b"user:pass word").decode()
            return self.answer(200 if self.headers.get("Authorization") == wanted else 401, b"secret")
        if path == "/other-host":  # the same server by another name: what may not follow must not follow
            host = "localhost:%d" % self.server.server_port
            return self.answer(302, Location="http://%s/authorization" % host)
        if path == "/authorization":
            return self.answer(200, self.headers.get("Authorization", "none").encode())
        if path == "/token-only":
            ok = self.headers.get("Authorization") == "Bearer t0ken"
            return self.answer(200 if ok else 401, b"by token")
        if path == "/headers":
            return self.answer(200, "|".join(self.headers.get_all("X-Test", [])).encode())
        if path == "/silent":
            self.server.stop.wait()
            return None
        if path == "/endless":
            self.send_response(200)
            self.end_headers()
            self.close_connection = True
            try:
                while True:
                    self.wfile.write(b"x" * 65536)
            except OSError:
                return None
        if path == "/cut":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"only this")
            self.close_connection = True
            return None
        if path.startswith("/status/"):
            return self.answer(int(path.split("/")[2]), b"some reason with a secret")
        if path in STORED:
            return self.answer(200, STORED[path])
        return self.answer(404, b"no such thing")

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith("/moved/"):
            return self.answer(307, Location=self.path.replace("/moved/", "/put/"))
        if not self.path.startswith("/put/"):
            return self.answer(403)
        STORED[self.path] = body
        return self.answer(201)

    def do_POST(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        wanted = "Basic " + base64.b64encode(b"the%20id:the%2Fsecret").decode()
        good = (self.path == "/token" and self.headers.get("Authorization") == wanted and
                form == {"grant_type": ["client_credentials"], "scope": ["a b"], "audience": ["x&y"]})
        if good:
            return self.answer(200, b'{"access_token": "t0ken", "token_type": "bearer"}')
        return self.answer(400, repr(form).encode())


STORED["/file"] = b"the file"
if len(sys.argv) > 1:
    with open(sys.argv[1], "rb") as archive:
        STORED["/archive.tgz"] = archive.read()
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
if "TLS_PEM" in os.environ:  # certificate and key, and who else is trusted
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.environ["TLS_PEM"])
    if "TLS_CLIENTS" in os.environ:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(os.environ["TLS_CLIENTS"])
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.stop = threading.Event()
print(server.server_port, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
server.stop.set()
