"""Attachments: what was attached to a version after its registration, to be attached to its copy."""

from dataclasses import dataclass
from functools import partial

from imagecards.cards import AttachedArtifact, DataCard, StoredFile, check_label
from imagecards.errors import AlreadyExistsError, FormatError, ImageCardsError, IntegrityError, NotFoundError
from imagecards.registry import keys
from imagecards.registry.artifacts import same_content
from imagecards.registry.commit import commit
from imagecards.storage import Store


@dataclass(frozen=True)
class Attachment:
    """An attached artifact that is to be copied.

    Attributes:
        name: What it is called.
        key: The key of its document.
        body: The document.
        files: Its files.
        there: Whether the document is in the other registry.
    """

    name: str
    key: str
    body: bytes
    files: tuple[StoredFile, ...]
    there: bool

    def commit(self, target: Store) -> None:
        """Attach it, once all its files are there.

        Raises:
            AlreadyExistsError: An artifact of that name was attached meanwhile, with other content.
        """
        there = commit(target, self.key, self.body, ask=f"copy the artifact {self.name} again")
        if there != self.body:
            _check_same(target, AttachedArtifact.from_json(self.body, place=self.key), there, self.key)


def find_attachments(
    source: Store, target: Store, card: DataCard
) -> tuple[list[Attachment], dict[str, ImageCardsError]]:
    """What is to be attached to the copy of a version, and what can't be, by name.

    An artifact that the target has with the same content, attached there by itself, is left as it is.
    """
    found: list[Attachment] = []
    failed: dict[str, ImageCardsError] = {}
    folder = keys.attached(card.ref)
    for name in keys.valid(partial(check_label, what="artifact name"), keys.document_names(source.children(folder))):
        try:
            attachment = _find(source, target, card, name, f"{folder}{name}.json")
        except (IntegrityError, FormatError, AlreadyExistsError) as error:
            failed[name] = error
        else:
            found += [] if attachment is None else [attachment]
    return found, failed


def _find(source: Store, target: Store, card: DataCard, name: str, key: str) -> Attachment | None:
    body = source.get(key)
    attached = AttachedArtifact.from_json(body, place=key)
    attached.check_pin(card.digest, name, place=key)
    unknown = attached.unknown_fields()
    if unknown:
        raise FormatError(f"{key} has {unknown[0][0]!r}, which a newer imagecards wrote: upgrade to copy it")
    try:
        there = target.get(key)
    except NotFoundError:
        there = None
    if there is not None and there != body:
        _check_same(target, attached, there, key)
        return None
    files = tuple(file.stored for file in attached.artifact.files)
    return Attachment(name, key, body, files, there is not None)


def _check_same(target: Store, attached: AttachedArtifact, there: bytes, key: str) -> None:
    other = AttachedArtifact.from_json(there, place=f"{target.url}/{key}")
    if other.card != attached.card or not same_content(other.artifact, attached.artifact):
        message = f"{target.url} has an artifact {attached.name} with other content: nothing is replaced"
        raise AlreadyExistsError(message)
