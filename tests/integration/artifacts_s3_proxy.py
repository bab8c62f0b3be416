#!/usr/bin/env python3
"""Stands in front of moto's S3 and believes nobody: checks AWS signature version 4 from its definition and the payload's
hash (moto checks neither by itself), and fails on demand. Prints its port, serves until its input ends.

    artifacts_s3_proxy.py MOTO_PORT ACCESS_KEY SECRET_KEY [SESSION_TOKEN]

POST /__fail?times=N&how=503|slowdown|close makes the next N requests fail. GET /__log gives what was asked for.
"""
import hashlib
import hmac
import http.client
import http.server
import os
import ssl
import sys
import threading
import urllib.parse

MOTO, ACCESS, SECRET = int(sys.argv[1]), sys.argv[2], sys.argv[3]
TOKEN = sys.argv[4] if len(sys.argv) > 4 else None
FAIL = {"times": 0, "how": "503"}
LOG = []


def sign(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def complaint(method, raw_path, headers, body):
    """None, or what is wrong with the signature."""
    auth = headers.get("Authorization", "")
    if not auth.startswith("AWS4-HMAC-SHA256 "):
        return "no signature"
    fields = dict(part.strip().split("=", 1) for part in auth.split(" ", 1)[1].split(","))
    access, day, region, service, kind = fields["Credential"].split("/")
    if access != ACCESS or service != "s3" or kind != "aws4_request":
        return "wrong credential " + fields["Credential"]
    signed = fields["SignedHeaders"].split(";")
    if signed != sorted(signed) or "host" not in signed:
        return "bad signed headers"
    for needed in ["x-amz-content-sha256", "x-amz-date"] + (["x-amz-security-token"] if TOKEN else []):
        if needed not in signed:
            return needed + " is not signed"
    if TOKEN and headers.get("x-amz-security-token") != TOKEN:
        return "wrong session token"
    for name in signed:
        if name not in headers:
            return name + " is signed and not sent"
    payload = headers["x-amz-content-sha256"]
    if payload != hashlib.sha256(body).hexdigest():
        return "the payload's hash is wrong"
    path, _, query = raw_path.partition("?")
    # Decoded and encoded again, once: the canonical form whatever the client wrote.
    path = urllib.parse.quote(urllib.parse.unquote_to_bytes(path), safe="/-_.~")
    pairs = sorted((urllib.parse.quote(k, safe="-_.~"), urllib.parse.quote(v, safe="-_.~"))
                   for k, v in urllib.parse.parse_qsl(query, keep_blank_values=True))
    canonical = "\n".join([method, path, "&".join(k + "=" + v for k, v in pairs)] +
                          [name + ":" + " ".join(headers[name].split()) for name in signed] +
                          ["", ";".join(signed), payload])
    date = headers["x-amz-date"]
    if not date.startswith(day):
        return "the dates differ"
    scope = "/".join([day, region, service, kind])
    text = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + SECRET).encode()
    for part in (day, region, service, kind):
        key = sign(key, part)
    if hmac.new(key, text.encode(), hashlib.sha256).hexdigest() != fields["Signature"]:
        return "SignatureDoesNotMatch for " + canonical
    return None


def error(code, message):
    return ("<?xml version='1.0'?><Error><Code>%s</Code><Message>%s</Message></Error>" %
            (code, message.replace("&", "&amp;").replace("<", "&lt;"))).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urllib.parse.urlsplit(self.path)
        if url.path == "/__fail":
            options = dict(urllib.parse.parse_qsl(url.query))
            FAIL.update(times=int(options["times"]), how=options["how"])
            return self.answer(200, b"")
        if url.path == "/__log":
            text = "\n".join(LOG).encode()
            LOG.clear()
            return self.answer(200, text)
        LOG.append(self.command + " " + self.path)
        wrong = complaint(self.command, self.path, self.headers, body)
        if wrong:
            return self.answer(403, error("SignatureDoesNotMatch", wrong))
        if FAIL["times"] > 0:
            FAIL["times"] -= 1
            if FAIL["how"] == "close":
                self.close_connection = True
                return None
            if FAIL["how"] == "slowdown":
                return self.answer(400, error("SlowDown", "please"))
            return self.answer(503, b"a proxy's page, not XML")
        moto = http.client.HTTPConnection("127.0.0.1", MOTO, timeout=60)
        moto.request(self.command, self.path, body, dict(self.headers))
        response = moto.getresponse()
        return self.answer(response.status, response.read(), response.getheaders())

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
if "TLS_PEM" in os.environ:  # certificate and key, and who else is trusted
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.environ["TLS_PEM"])
    if "TLS_CLIENTS" in os.environ:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(os.environ["TLS_CLIENTS"])
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
