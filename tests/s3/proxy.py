"""A proxy before a server that counts requests, and lets chosen ones go wrong the way networks and servers do."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.s3.origin import HOP, Origin

ERRORS = {
    "500": (500, "InternalError"),
    "503": (503, "SlowDown"),
    "409": (409, "ConditionalRequestConflict"),
    "412": (412, "PreconditionFailed"),
    "429": (429, "TooManyRequests"),
}
ONCE = ("lost", "never", *ERRORS, "late 500", "reset", "truncated", "twice")
"""What can happen to one request: its answer is lost, it never arrives, it is refused without being carried out (or,
"late", after it was), its answer is cut off by a reset or by the end of the connection, it arrives twice."""

FOR_EVER = ("lost for ever", "never for ever", "late 500 for ever")
KINDS = (*ONCE, *FOR_EVER)


@dataclass
class Plan:
    """Which request goes wrong, and how.

    Attributes:
        number: Which one, from 1; with 0 none does.
        kind: One of `KINDS`.
        seen: Method and path of all that came so far.
        reached: Whether it came to that one.
    """

    number: int = 0
    kind: str = ""
    seen: list[tuple[str, str]] = field(default_factory=list)
    reached: bool = False

    def strike(self, method: str, path: str) -> str:
        """Count a request; gives how it goes wrong, or nothing."""
        self.seen.append((method, path))
        number = len(self.seen)
        hit = number == self.number or (self.kind in FOR_EVER and 0 < self.number <= number)
        self.reached = self.reached or hit
        return self.kind.removesuffix(" for ever") if hit else ""


class Proxy:
    """Where the proxy is, and what it does next."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.plan = Plan()

    @contextmanager
    def failing(self, number: int = 0, kind: str = "") -> Iterator[Plan]:
        """For the time of a block, let one request go wrong; by default only count them."""
        self.plan = Plan(number, kind)
        try:
            yield self.plan
        finally:
            self.plan = Plan()


@contextmanager
def before(origin: Origin) -> Iterator[Proxy]:
    """A proxy before a server, for the time of a block."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1  # an answer in one piece

        def handle_expect_100(self) -> bool:
            self.send_response_only(100)
            self.end_headers()
            self.wfile.flush()
            return True

        def handle_one(self) -> None:
            plan = proxy.plan
            body = self._body()
            with lock:
                fault = plan.strike(self.command, self.path)
            self._answer(body, fault)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_one

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            pieces = []
            while size := int(self.rfile.readline(), 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)

        def _answer(self, body: bytes, fault: str) -> None:
            if fault == "never":
                self.close_connection = True
                return
            if fault in ERRORS:
                self._refuse(*ERRORS[fault])
                return
            status, headers, data = origin(self.command, self.path, dict(self.headers), body)
            if fault == "twice":
                status, headers, data = origin(self.command, self.path, dict(self.headers), body)
            if fault == "lost":
                self.close_connection = True
            elif fault == "late 500":
                self._refuse(*ERRORS["500"])
            else:
                cut = fault in ("reset", "truncated")
                self._send(status, headers, data[: len(data) // 2] if cut else data, len(data))
                if cut:
                    self.close_connection = True
                if fault == "reset":
                    self.wfile.flush()
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    with suppress(OSError):
                        self.connection.close()

        def _send(self, status: int, headers: Mapping[str, str], data: bytes, length: int) -> None:
            self.send_response_only(status)
            stated = None
            for name, value in headers.items():
                if name.lower() not in HOP:
                    self.send_header(name, value)
                elif name.lower() == "content-length":
                    stated = value
            self.send_header("Content-Length", stated if self.command == "HEAD" and stated else str(length))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def _refuse(self, status: int, code: str) -> None:
            told = "<Condition>If-None-Match</Condition>" if status == 412 else ""
            data = f"<Error><Code>{code}</Code><Message>injected</Message>{told}</Error>".encode()
            self._send(status, {"Content-Type": "application/xml", "Retry-After": "0"}, data, len(data))

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # connections that were cut on purpose

    with Server(("127.0.0.1", 0), Handler) as running:
        proxy = Proxy(f"http://127.0.0.1:{running.server_address[1]}")
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield proxy
        finally:
            running.shutdown()
            thread.join()


Call = Callable[[], object]


def count_requests(proxy: Proxy, call: Call) -> int:
    """How many requests something makes."""
    with proxy.failing() as plan:
        call()
    return len(plan.seen)
