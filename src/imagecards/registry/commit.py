"""The commit: one conditional write, and the truth about how it ended."""

from collections.abc import Callable

from imagecards.errors import CommitUnknownError, ImageCardsError, NotFoundError
from imagecards.storage import Store
from imagecards.storage.pages import Pages

_TRIES = 5


def commit(
    store: Store,
    key: str,
    body: bytes,
    *,
    ask: str,
    attempt: str = "",
    before_each: Callable[[], None] = lambda: None,
    pages: Pages | None = None,
) -> bytes:
    """Put a document at a key unless one is there, and say which document is there now.

    The same body is sent again after an answer that was lost. What can be read back decides: the answer to a request
    that landed is never taken for a conflict. Whose a document is can be told where it names its attempt's files.

    Args:
        store: Where; everything that the document names is durable there already.
        key: The commit point.
        body: The document.
        ask: How the caller can find out later, for the message.
        attempt: Its attempt, where ``CardRegistry.resolve`` can find it.
        before_each: Called before each try; raises where the document may not be sent any more.
        pages: What the store shows with it, where it shows anything.

    Returns:
        ``body`` when this call (or an earlier, doubtful try of it) committed it, else what was there first.

    Raises:
        CommitUnknownError: The outcome is open after several tries, or the document is visible and the storage does
            not say that it is durable; nothing may be deleted.
        StorageError: The store failed before anything became visible.
    """
    doubt: ImageCardsError | None = None
    for _ in range(_TRIES):
        try:
            before_each()
        except ImageCardsError:
            if doubt is None:
                raise
            break  # what was sent before may still arrive
        try:
            put = store.put_if_absent(key, [body]) if pages is None else store.put_and_show(key, body, pages)
            return body if put else store.get(key)
        except CommitUnknownError as error:
            doubt = error
            if error.visible:
                break  # what a failed flush left undone, a second one does not report
        except NotFoundError as error:
            doubt = error  # absent although it exists: a store that answers late; the next try decides
        except ImageCardsError as error:
            if doubt is None:
                raise  # nothing of this call is visible, and there was no other
            doubt = error
    visible = isinstance(doubt, CommitUnknownError) and doubt.visible
    what = "is visible but may not outlive a power failure" if visible else "may or may not be there"
    message = f"{key} {what} in {store.url} ({doubt}). Nothing was deleted; {ask} once the storage answers again"
    raise CommitUnknownError(message, attempt, visible) from doubt
