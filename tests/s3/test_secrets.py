"""Planted secrets: whatever a registry does, on disk or in a bucket, and whatever fails, none of them gets out."""

import json
import logging
import pickle
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError
from tests.s3.origin import BucketInMemory
from tests.s3.proxy import before
from tests.s3.test_refusals import Refusing

from imagecards import CardRegistry, ImageDataset
from imagecards.cli import main
from imagecards.errors import ImageCardsError, InvalidInputError, StorageError
from imagecards.registry.rendering import Form
from imagecards.storage import open_store
from imagecards.storage.s3 import S3Store
from imagecards.transforms import MinArea

MakeFolder = Callable[..., Path]

SECRETS: Mapping[str, str] = {
    "access key": "AKIAPLANTED000000001",
    "secret key": "planted+secret/key+00000000000000000002",
    "session token": "planted-session-token-000000000000003",
    "access key of a profile": "AKIAPLANTED000000004",
    "secret key of a profile": "planted+secret/key+00000000000000000005",
    "HF token": "hf_plantedtoken0000000000000000006",
    "HF token in a file": "hf_plantedtoken0000000000000000007",
    "password in an address": "planted-password-008",
    "signature of an address": "plantedsignature0000000000000000000009",
    "bearer": "planted-bearer-token-010",
    "GCS key": "GOOG1EPLANTEDKEY000011",
    "SAS signature": "plantedsas00000000000000000000000012",
    "token in the address of a git remote": "ghp_planted0000000000000000000000000013",
    "token in the environment": "planted-token-014",
}
SIGNATURE = f"X-Amz-Credential={SECRETS['access key']}%2Fus&X-Amz-Signature={SECRETS['signature of an address']}"
SIGNED = f"https://host/a.zip?{SIGNATURE}"
SAS = f"https://account.blob.core.windows.net/a?sv=2022&sig={SECRETS['SAS signature']}"
WITH_PASSWORD = f"https://me:{SECRETS['password in an address']}@host/a"


def check(*shown: object) -> None:
    """No secret is in a text or in bytes."""
    for each in shown:
        text = each.decode("latin-1") if isinstance(each, bytes) else str(each)
        found = [name for name, secret in SECRETS.items() if secret in text]
        assert not found, f"{found} in {text[:2000]}"


def check_error(error: BaseException) -> None:
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    check("".join(told.format()), repr(error), repr(vars(error)), pickle.dumps(error))


@pytest.fixture(autouse=True)
def _planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """All of them lie where programs find them; work is done in a git repository."""
    caplog.set_level(logging.DEBUG, "imagecards")
    profile = (
        f"aws_access_key_id = {SECRETS['access key of a profile']}",
        f"aws_secret_access_key = {SECRETS['secret key of a profile']}",
    )
    (tmp_path / "credentials").write_text("\n".join(["[default]", *profile, "[planted]", *profile, ""]))
    (tmp_path / "hf").mkdir()
    (tmp_path / "hf" / "token").write_text(SECRETS["HF token in a file"])
    (tmp_path / "gcs.json").write_text(json.dumps({"private_key": SECRETS["GCS key"]}))
    for name, value in {
        "AWS_ACCESS_KEY_ID": SECRETS["access key"],
        "AWS_SECRET_ACCESS_KEY": SECRETS["secret key"],
        "AWS_SESSION_TOKEN": SECRETS["session token"],
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "HF_TOKEN": SECRETS["HF token"],
        "HF_HOME": str(tmp_path / "hf"),
        "AUTHORIZATION": f"Bearer {SECRETS['bearer']}",
        "GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "gcs.json"),
        "AZURE_STORAGE_SAS_TOKEN": f"sig={SECRETS['SAS signature']}",
        "DEPLOY_TOKEN": SECRETS["token in the environment"],
    }.items():
        monkeypatch.setenv(name, value)
    work = tmp_path / "work"
    work.mkdir()
    remote = f"https://me:{SECRETS['token in the address of a git remote']}@host/repository.git"
    own = ("-c", "user.name=me", "-c", "user.email=me@host", "-c", "commit.gpgsign=false")
    for arguments in (
        ("init", "-q"),
        ("remote", "add", "origin", remote),
        (*own, "commit", "-q", "--allow-empty", "-m", "x"),
    ):
        subprocess.run(["git", *arguments], cwd=work, check=True)
    monkeypatch.chdir(work)


@pytest.fixture(params=["folder", "bucket"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if request.param == "folder":
        yield str(tmp_path / "registry")
        return
    with before(BucketInMemory()) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.address)
        yield "s3://bucket/cards"


def test_nothing_that_a_registry_keeps_or_shows_has_a_secret(
    url: str,
    make_folder: MakeFolder,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    registry = CardRegistry(url)
    note = tmp_path / "note.txt"
    note.write_bytes(b"note")
    card = registry.register(ImageDataset(image_dir=make_folder(3)), "a/b", tags=["prod"], source="https://host/a.zip")
    made = registry.derive(card, MinArea(pixels=7), name="a/large")
    assert made.code["git"], "it is in a repository"
    registry.attach(made, "note", note)
    registry.record_use(made, "train", metadata={"run": 1})
    registry.withdraw(card.ref, reason="wrong")
    lineage = registry.lineage(made)
    assert "wasDerivedFrom" in lineage.render("prov")
    check(*(lineage.render(form) for form in get_args(Form)), str(registry.verify(deep=True)), str(registry.list()))
    for command in (["show", "a/large"], ["uses", "a/large"]):
        with pytest.raises(SystemExit) as left:
            main([*command, "--registry", url, "--json"])
        assert left.value.code == 0
    check(*capsys.readouterr(), caplog.text)
    check(repr(registry), repr(registry.store), repr(vars(registry.store)), registry.url)
    check(pickle.dumps(registry.store), pickle.dumps(made), repr(made), repr(lineage))
    kept = {entry.key: registry.store.get(entry.key) for entry in registry.store.list("")}
    assert any(key.startswith("uses/") for key in kept)
    check(*kept, *kept.values())
    registry.store.close()


OPERATIONS: Mapping[str, Callable[[CardRegistry, Path], object]] = {
    "register": lambda registry, folder: registry.register(ImageDataset(image_dir=folder), "a/b"),
    "load": lambda registry, folder: registry.load("a/b"),
    "tag": lambda registry, folder: registry.tag("a/b@1.0.0", "prod"),
    "use": lambda registry, folder: registry.record_use("a/b@1.0.0", "train"),
    "collect": lambda registry, folder: registry.gc(delete=True),
}


@pytest.mark.parametrize(
    ("status", "code", "step"),
    [
        (404, "NoSuchBucket", "create it, or correct the name"),
        (403, "AccessDenied", "ask for s3:"),
        (400, "ExpiredToken", "log in again"),
        (418, "Odd", "ask whoever runs the server"),
    ],
)
def test_a_refusal_tells_what_to_do_and_no_secret(
    status: int,
    code: str,
    step: str,
    make_folder: MakeFolder,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder = make_folder(1)
    with before(Refusing(status, code)) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.address)
        registry = CardRegistry("s3://bucket/cards")
        for operation in OPERATIONS.values():
            with pytest.raises(ImageCardsError) as caught:
                operation(registry, folder)
            assert step in str(caught.value)
            check_error(caught.value)
        registry.store.close()
    check(caplog.text)


@pytest.mark.parametrize("fast", [True, False])
def test_ranges_tell_no_secret(fast: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    if not fast:
        monkeypatch.setitem(sys.modules, "obstore.store", None)
    store = S3Store("bucket", "cards")
    with before(origin := BucketInMemory()) as proxy:
        origin.store.put_if_absent("cards/a", [b"data"])
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.address)
        assert store.get_ranges("a", [(1, 2), (0, 1)]) == [b"at", b"d"]
        opened = next(iter(store._bucket._fast.values()))
        assert (opened is not None) == fast
        seen = [repr(store), repr(vars(store)), repr(vars(store._bucket)), pickle.dumps(store)]
        if opened is not None:
            seen += [repr(opened), repr(vars(opened)), repr(opened._store.config), repr(opened._store.client_options)]
        with pytest.raises(ImageCardsError) as caught:
            store.get_ranges("a", [(3, 2)])
        check_error(caught.value)
        store.close()
    with before(Refusing(403, "SignatureDoesNotMatch")) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.address)
        with pytest.raises(StorageError, match="AWS_PROFILE") as refused:
            store.get_ranges("a", [(1, 2)])
        check_error(refused.value)
        store.close()
    check(*seen, caplog.text)


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "HTTPS_PROXY"])
def test_no_failure_of_the_network_tells_a_secret(
    variable: str, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://127.0.0.1:9")
    monkeypatch.setenv(variable, f"https://me:{SECRETS['password in an address']}@127.0.0.1:9")
    registry = CardRegistry("s3://bucket/cards")
    with pytest.raises(StorageError) as caught:
        registry.register(ImageDataset(image_dir=make_folder(1)), "a/b")
    check_error(caught.value)
    check(caplog.text, repr(registry.store), repr(vars(registry.store)))
    registry.store.close()


def test_what_was_cut_off_on_the_way_tells_no_secret(make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_folder(1)
    with before(BucketInMemory()) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.address)
        registry = CardRegistry("s3://bucket/cards")
        with proxy.failing(1, "lost for ever"), pytest.raises(StorageError) as caught:
            registry.register(ImageDataset(image_dir=folder), "a/b")
        check_error(caught.value)
        registry.store.close()


@pytest.mark.parametrize(
    "place",
    [
        WITH_PASSWORD,
        SIGNED,
        SAS,
        WITH_PASSWORD.replace("https://", "file://"),
        WITH_PASSWORD.replace("https://", "s3://"),
        SIGNED.replace("https://host", "s3://bucket"),
        SAS.replace("https://", "az://"),
    ],
)
def test_no_address_of_a_registry_is_told_with_its_secrets(
    place: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        open_store(place)
    check(str(caught.value), repr(caught.value))
    monkeypatch.setenv("IMAGECARDS_REGISTRY", place)
    with pytest.raises(SystemExit) as left:
        main(["list"])
    assert left.value.code == 2
    check(*capsys.readouterr())


@pytest.mark.parametrize("place", [WITH_PASSWORD, SIGNED, SAS, WITH_PASSWORD.replace("https://", "s3://")])
def test_no_address_of_images_is_told_with_its_secrets(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    calls: list[Callable[[], object]] = [
        lambda: ImageDataset(image_dir=place),
        lambda: ImageDataset.read(place),
        lambda: ImageDataset.read(place, format="coco"),
        lambda: CardRegistry("memory://secrets").register(place, "a/b"),
    ]
    for call in calls:
        with pytest.raises((ImageCardsError, ValidationError)) as caught:
            call()
        check(str(caught.value), repr(caught.value))
    for command in (["validate", place], ["register", place, "a/b", "--registry", "memory://secrets"]):
        with pytest.raises(SystemExit) as left:
            main(command)
        assert left.value.code
    check(*capsys.readouterr())


@pytest.mark.parametrize("place", [WITH_PASSWORD, SIGNED, SAS])
def test_what_is_kept_for_ever_is_refused_with_secrets(
    place: str,
    tmp_path: Path,
    make_folder: MakeFolder,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    registry = CardRegistry(tmp_path / "registry")
    data = ImageDataset(image_dir=make_folder(1))
    card = registry.register(data, "a/b")
    said: tuple[dict[str, Any], ...] = (
        {"source": place},
        {"description": f"from {place}"},
        {"metadata": {"from": [place]}},
    )
    calls: list[Callable[[], object]] = [
        *(lambda each=each: registry.register(data, "a/b", **each) for each in said),
        lambda: registry.record_use(card, place),
        lambda: registry.record_use(card, "train", metadata={"from": place}),
        lambda: registry.withdraw(card.ref, reason=place),
    ]
    for call in calls:
        with pytest.raises(InvalidInputError, match="give it without them") as caught:
            call()
        check(str(caught.value))
    monkeypatch.setenv("IMAGECARDS_USED_BY", place)
    registry.open("a/b")
    assert "was not recorded" in caplog.text
    check(caplog.text)
    assert registry.uses("a/b") == ()
    registry.store.close()


def test_where_events_are_sent_to_is_told_without_secrets(tmp_path: Path, make_folder: MakeFolder) -> None:
    registry = CardRegistry(tmp_path / "registry")
    card = registry.register(ImageDataset(image_dir=make_folder(3)), "a/b")
    made = registry.derive(card, MinArea(pixels=7), name="a/large")
    to = f"http://me:{SECRETS['password in an address']}@127.0.0.1:9/?sig={SECRETS['SAS signature']}"
    with pytest.raises(StorageError, match=r"127\.0\.0\.1:9.* does not take OpenLineage events") as caught:
        registry.lineage(made).emit(to)
    check(str(caught.value), repr(caught.value))
    assert caught.value.__cause__ is None
    registry.store.close()
