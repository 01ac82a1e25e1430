"""What is said of a dataset as a whole, stored beside its records as canonical JSON."""

import json
from collections.abc import Mapping
from typing import Any

from imagecards.cards import StoredFile
from imagecards.digests import canonical_json
from imagecards.errors import IntegrityError
from imagecards.registry.files import read_file
from imagecards.storage import Store


def encode_attributes(attributes: Mapping[str, Any]) -> bytes:
    """The attributes of a dataset as the bytes of ``attributes.json``."""
    return canonical_json(dict(attributes))


def read_attributes(store: Store, stored: StoredFile | None) -> dict[str, Any]:
    """The attributes of a version; none where its card names no file of them.

    Raises:
        IntegrityError: The file is missing, has other bytes, or is no JSON object.
    """
    if stored is None:
        return {}
    try:
        attributes = json.loads(read_file(store, stored))
    except (ValueError, RecursionError) as error:
        raise IntegrityError(f"{stored.key} is not JSON ({error}): restore the file from a copy", stored.key) from error
    if not isinstance(attributes, dict):
        raise IntegrityError(f"{stored.key} is no JSON object: restore the file from a copy", stored.key)
    return attributes
