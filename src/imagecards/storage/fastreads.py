"""Ranges of objects through obstore, where it is installed: the same bytes with less work.

It only takes work off the usual way. Whatever it is refused, can't reach or gets in another length is asked for again
the usual way, which repeats, explains, and has the last word.
"""

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from s3fs import S3FileSystem

    Ranges = Sequence[tuple[int, int]]

_VALID = timedelta(minutes=6)  # after which credentials are asked for again, in case they are renewed from time to time
_FAILURES = 5  # in a row, after which it is left alone: some servers only understand the usual way
_CLIENT = {"connect_timeout": "10s", "read_timeout": "60s", "timeout": "10m"}
_inherited = False  # whether obstore, whoever used it, came by a fork: its threads did not, and it would hang


class FastReads:
    """The objects of a bucket, for as long as that goes well.

    Args:
        store: The bucket as obstore knows it.
    """

    def __init__(self, store: Any) -> None:
        self._store = store
        self._failures = 0

    async def read(self, name: str, ranges: "Ranges") -> list[bytes] | None:
        """Read ranges of an object, each given by its first byte and its length, 1 or more; None if that fails."""
        import obstore

        if self._failures >= _FAILURES:
            return None
        starts, lengths = zip(*ranges, strict=True)
        try:  # those that lie side by side are put together by whoever asks
            found = await obstore.get_ranges_async(self._store, name, starts=starts, lengths=lengths, coalesce=0)
        except Exception:  # whatever it is, its own errors or those of finding credentials: the usual way explains it
            found = []
        data = [bytes(each) for each in found]
        if [len(each) for each in data] != list(lengths):
            self._failures += 1
            return None
        self._failures = 0
        return data


async def open_fast(system: "S3FileSystem", bucket: str) -> FastReads | None:
    """Open a bucket for fast reads as s3fs sees it: with its server, its region and its credentials.

    Args:
        system: What s3fs found out.
        bucket: The bucket.

    Returns:
        None where obstore is not installed, was there in the process that this one was forked from, or would ask
        another server or in another name.
    """
    if _inherited:
        return None
    try:
        from obstore.store import S3Store
    except ImportError:
        return None
    try:
        client = await system.set_session()
        options = _options(client, bucket, system.session.get_config_variable("ca_bundle"))
        if options is None:
            return None
        return FastReads(S3Store(bucket, **options))
    except Exception:  # no profile, certificates or an address that obstore can't read: the usual way explains it
        return None


def _options(client: Any, bucket: str, authorities: str | None) -> dict[str, Any] | None:
    """How obstore asks what a client would ask; None where it can't.

    What it would otherwise look up in the environment, by rules of its own, is said here.
    """
    signing = _signing(client)
    address = str(client.meta.endpoint_url).rstrip("/")
    styles = client.meta.config.s3 or {}
    special = styles.get("addressing_style") == "virtual" or styles.get("use_accelerate_endpoint")
    if signing is None or special or "@" in urlsplit(address).netloc or bucket.endswith("--x-s3"):
        return None
    certificates = {"root_certificate": Path(authorities).read_bytes()} if authorities else {}
    return {
        "endpoint": f"{address}/{bucket}",
        "aws_endpoint_url_s3": f"{address}/{bucket}",
        "virtual_hosted_style_request": True,  # that is: the bucket is in the address
        "s3_express": False,
        "region": client.meta.region_name or "us-east-1",
        "client_options": {**_CLIENT, **certificates, "allow_http": address.startswith("http://")},
        "retry_config": {"max_retries": 0, "retry_timeout": timedelta(seconds=1)},
        **signing,
    }


def _signing(client: Any) -> dict[str, Any] | None:
    """How requests are signed: with the credentials of a client, whichever it has at that moment."""
    from botocore import UNSIGNED

    if client.meta.config.signature_version is UNSIGNED:
        return {"skip_signature": True}
    found = getattr(getattr(client, "_request_signer", None), "_credentials", None)
    if found is None:
        return None

    async def credentials() -> dict[str, Any]:
        now = await found.get_frozen_credentials()
        keys = {"access_key_id": now.access_key, "secret_access_key": now.secret_key, "token": now.token}
        return {**keys, "expires_at": datetime.now(UTC) + _VALID}

    return {"skip_signature": False, "credential_provider": credentials}


def _after_fork() -> None:
    global _inherited
    _inherited = _inherited or "obstore" in sys.modules


os.register_at_fork(after_in_child=_after_fork)
