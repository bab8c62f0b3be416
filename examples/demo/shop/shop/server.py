"""GET /healthz; POST /quote {"lines": [{"article", "price", "quantity"}]} answers {"net", "gross"}."""

import json
from decimal import Decimal, InvalidOperation
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from shop import VERSION
from shop.cart import Line, gross, net


def quote(body: bytes) -> dict[str, str]:
    try:
        lines = [
            Line(str(item["article"]), Decimal(str(item["price"])), int(item["quantity"]))
            for item in json.loads(body)["lines"]
        ]
    except (KeyError, TypeError, InvalidOperation) as error:
        raise ValueError(f"not a cart: {error!r}") from error
    return {"net": str(net(lines)), "gross": str(gross(lines))}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/healthz":
            self.answer(200, {"status": "ok", "version": VERSION})
        else:
            self.answer(404, {"error": f"no {self.path}"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        try:
            self.answer(200, quote(body))
        except ValueError as error:
            self.answer(400, {"error": str(error)})

    def answer(self, status: int, value: dict[str, str]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def serve(port: int) -> None:
    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        print(f"shop {VERSION} listens on {server.server_port}", flush=True)
        server.serve_forever()
