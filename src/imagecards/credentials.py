"""Passwords, tokens and signatures in addresses: what must not be kept for ever, and not be shown."""

import re
from collections.abc import Mapping

# Whoever stands before the @ is a secret, but for the plain user name of an address of ssh. One slash is what is left
# of two in a path.
_USER = re.compile(r"(?i)((?<=[a-z0-9]{2})(?<!ssh):/{1,2}|ssh://[^/?#\s:@]+:)[^/?#\s@]+(?=@)")
_SIGNED = re.compile(
    r"(?i)([?&;](?:x-(?:amz|goog)-(?:signature|credential|security-token)|awsaccesskeyid|googleaccessid|signature|sig"
    r"|(?:[a-z]+[_-])?(?:token|secret|password)|(?:api|access)[_-]?key)=)[^&;#\s\"'<>)*]+"
)


def hide_credentials(text: str) -> str:
    """A text without the passwords, tokens and signatures of the addresses in it.

    Example:
        >>> hide_credentials("https://me:word@host/a.zip?sig=0a1b&part=2")
        'https://***@host/a.zip?sig=***&part=2'
    """
    return _SIGNED.sub(r"\1***", _USER.sub(r"\1***", text))


def has_credentials(value: object) -> bool:
    """Whether an address with a password, a token or a signature is anywhere in a JSON value.

    Example:
        >>> has_credentials({"from": ["https://host/a.zip", "https://me:word@host/a.zip"]})
        True
        >>> has_credentials("ssh://git@host/repository?page=2")
        False
    """
    if isinstance(value, str):
        return hide_credentials(value) != value
    if isinstance(value, Mapping):
        return any(has_credentials(each) for pair in value.items() for each in pair)
    return isinstance(value, list | tuple) and any(has_credentials(each) for each in value)
