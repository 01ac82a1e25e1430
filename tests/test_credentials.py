"""Passwords, tokens and signatures in addresses are told from what may be shown."""

import pytest

from imagecards.credentials import has_credentials, hide_credentials

SECRET = [
    ("https://me:planted@host/a", "https://***@host/a"),
    ("https://planted@host/a", "https://***@host/a"),
    ("HTTPS://ME:planted@host", "HTTPS://***@host"),
    ("s3://AKIA0:planted@bucket/a", "s3://***@bucket/a"),
    ("s3:/AKIA0:planted@bucket/a", "s3:/***@bucket/a"),
    ("ssh://git:planted@host/a", "ssh://git:***@host/a"),
    (
        "https://host/a?X-Amz-Credential=planted%2Fus&X-Amz-Signature=planted",
        "https://host/a?X-Amz-Credential=***&X-Amz-Signature=***",
    ),
    ("https://host/a?x-goog-signature=planted", "https://host/a?x-goog-signature=***"),
    ("https://host/a?sv=2022&sig=planted%3D", "https://host/a?sv=2022&sig=***"),
    (
        "https://host/a?AWSAccessKeyId=planted&Signature=planted&Expires=1",
        "https://host/a?AWSAccessKeyId=***&Signature=***&Expires=1",
    ),
    ("url: /a?api_key=planted (refused)", "url: /a?api_key=*** (refused)"),
    ("/a?access_token=planted#top", "/a?access_token=***#top"),
]
HARMLESS = [
    "",
    "https://zenodo.org/records/1234567",
    "https://host/a?page=2&sort_key=name&design=new",
    "https://host/@me/a",
    "ssh://git@host/a.git",
    "git@host:a/b.git",
    "me@host",
    "a:b@c",
    "C:/me@host",
    "the signature=none of the paper",
]


@pytest.mark.parametrize(("text", "shown"), SECRET)
def test_what_is_secret_is_hidden(text: str, shown: str) -> None:
    assert hide_credentials(f"from {text} on") == f"from {shown} on"
    assert hide_credentials(shown) == shown
    assert has_credentials({"a": [{"b": text}]})
    assert has_credentials({text: 1})


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_harmless_stays(text: str) -> None:
    assert hide_credentials(text) == text
    assert not has_credentials([text, 1, None, {"a": 2.5}])
