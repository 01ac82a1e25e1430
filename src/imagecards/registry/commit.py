"""The commit: one conditional write, and the truth about how it ended."""

from imagecards.errors import CommitUnknownError, ImageCardsError, NotFoundError
from imagecards.storage import Store

_TRIES = 5


def commit(store: Store, key: str, body: bytes, attempt: str) -> bytes:
    """Put a document at a key unless one is there, and say which document is there now.

    The same body is sent again after an answer that leaves the outcome open. A body names its attempt, so what can be
    read back decides whose it is: the answer to a request that landed and was lost is never taken for a conflict.

    Args:
        store: Where; everything that the document names is durable there already.
        key: The commit point.
        body: The document.
        attempt: Its attempt, for the message.

    Returns:
        ``body`` when this call (or an earlier, doubtful try of it) committed it, else what was there first.

    Raises:
        CommitUnknownError: The outcome is still open after several tries; nothing may be deleted.
        StorageError: The store failed before anything became visible.
    """
    doubt: ImageCardsError | None = None
    for _ in range(_TRIES):
        try:
            if store.put_if_absent(key, [body]):
                return body
            return store.get(key)
        except (CommitUnknownError, NotFoundError) as error:
            doubt = error  # absent although it exists: a store that answers late; the next try decides
        except ImageCardsError as error:
            if doubt is None:
                raise  # nothing of this call is visible, and there was no other
            doubt = error
    message = (
        f"{key} may or may not be registered in {store.url}: the storage gave no clear answer in {_TRIES} tries "
        f"({doubt}). Nothing was deleted; ask registry.resolve({attempt!r}) once the storage answers again"
    )
    raise CommitUnknownError(message, attempt) from doubt
