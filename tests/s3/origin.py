"""What stands behind the proxy: a real server, or a bucket in memory that tests can fill and look into at once."""

import http.client
import re
from collections.abc import Callable, Mapping
from email.utils import formatdate
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from imagecards.storage import MemoryStore

Answer = tuple[int, dict[str, str], bytes]
Origin = Callable[[str, str, Mapping[str, str], bytes], Answer]
"""Answers a request: its method, path, headers and body."""

HOP = {"connection", "keep-alive", "transfer-encoding", "expect", "content-length"}


def server(address: str) -> Origin:
    """Hand requests on to a server."""
    target = urlsplit(address)

    def answer(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        connection = http.client.HTTPConnection(str(target.hostname), target.port, timeout=60)
        kept = {name: value for name, value in headers.items() if name.lower() not in HOP}
        connection.request(method, path, body, {**kept, "Content-Length": str(len(body))})
        reply = connection.getresponse()
        data = reply.read()
        connection.close()
        return reply.status, dict(reply.getheaders()), data

    return answer


class BucketInMemory:
    """As much of S3 as a small registry needs: one bucket, no parts, no pages.

    Attributes:
        store: What is in it.
        marks: What its objects carry to tell whose they are.
    """

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.marks: dict[str, str] = {}

    def __call__(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        place, _, query = path.partition("?")
        key = unquote(place).lstrip("/").partition("/")[2]
        asked = parse_qs(query, keep_blank_values=True)
        if method == "PUT":
            return self._put(key, headers, body)
        if method == "POST":
            assert "delete" in asked
            names = ElementTree.fromstring(body).iter("{http://s3.amazonaws.com/doc/2006-03-01/}Key")
            self.store.delete([str(name.text) for name in names])
            return 200, {}, b"<DeleteResult/>"
        if "uploads" in asked:
            return 200, {}, b"<ListMultipartUploadsResult/>"
        if "list-type" in asked:
            return self._list(asked["prefix"][0], deep="delimiter" not in asked)
        return self._get(key, headers.get("Range") or headers.get("range"))

    def _put(self, key: str, headers: Mapping[str, str], body: bytes) -> Answer:
        assert headers["If-None-Match"] == "*", "nothing is ever put without a condition"
        if not self.store.put_if_absent(key, [body]):
            told = b"<Error><Code>PreconditionFailed</Code><Condition>If-None-Match</Condition></Error>"
            return 412, {}, told
        self.marks[key] = headers["x-amz-meta-put"]
        return 200, {"ETag": '"0"'}, b""

    def _get(self, key: str, wanted: str | None) -> Answer:
        known = self.store.stat(key)
        if known is None:
            return 404, {}, b"<Error><Code>NoSuchKey</Code></Error>"
        data = self.store.get(key)
        about = {"Last-Modified": formatdate(known.modified, usegmt=True), "x-amz-meta-put": self.marks.get(key, "")}
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted or "")
        if found is None:
            return 200, about, data
        start, end = int(found[1]), min(int(found[2] or len(data)), len(data) - 1)
        if start >= len(data):
            return 416, {}, b"<Error><Code>InvalidRange</Code></Error>"
        return 206, {**about, "Content-Range": f"bytes {start}-{end}/{len(data)}"}, data[start : end + 1]

    def _list(self, prefix: str, *, deep: bool) -> Answer:
        told = []
        entries = {entry.key: entry for entry in self.store.list(prefix)}
        names = list(entries) if deep else [prefix + name for name in self.store.children(prefix)]
        for name in names:
            if name in entries:
                time = formatdate(entries[name].modified, usegmt=True)
                told.append(
                    f"<Contents><Key>{escape(name)}</Key><Size>{entries[name].size}</Size>"
                    f"<LastModified>{time}</LastModified></Contents>"
                )
            else:
                told.append(f"<CommonPrefixes><Prefix>{escape(name)}/</Prefix></CommonPrefixes>")
        return 200, {}, f"<ListBucketResult>{''.join(told)}</ListBucketResult>".encode()

    def refill(self, bodies: Mapping[str, bytes]) -> None:
        """Hold these keys and nothing else."""
        self.store.delete([entry.key for entry in self.store.list("")])
        for key, body in bodies.items():
            self.store.put_if_absent(key, [body])

    def bodies(self) -> dict[str, bytes]:
        """All keys with their bytes."""
        return {entry.key: self.store.get(entry.key) for entry in self.store.list("")}
