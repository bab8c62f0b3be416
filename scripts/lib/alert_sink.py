#!/usr/bin/python3
"""Takes alerts: alert_sink.py PORT-FILE ALERT-FILE

Listens on a loopback port that the kernel chooses, writes the port into PORT-FILE, and appends the body of every POST as
a line to ALERT-FILE.
"""

import http.server
import os
import sys


class Sink(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        with open(sys.argv[2], "ab") as file:
            file.write(body + b"\n")
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink) as server:
    with open(sys.argv[1] + ".part", "w") as port:
        port.write(str(server.server_port))
    os.rename(sys.argv[1] + ".part", sys.argv[1])
    server.serve_forever()
