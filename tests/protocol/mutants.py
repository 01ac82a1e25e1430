"""Deliberate weakenings of the code that carries the protocol, each with the test that has to notice it."""

from typing import NamedTuple

from tests.protocol.mutation import Edit


class Mutant(NamedTuple):
    """A weakening.

    Attributes:
        name: What is weakened.
        check: The test that fails with it, below ``tests/``.
        edits: The changes of the source.
    """

    name: str
    check: str
    edits: tuple[Edit, ...]


def _mutant(name: str, check: str, *edits: tuple[str, str, str]) -> Mutant:
    return Mutant(name, check, tuple(Edit(*edit) for edit in edits))


_CRASHES = "protocol/test_rules.py::test_a_power_cut_breaks_no_promise"
_CALLS = "faults/test_system_calls.py::test_any_call_fails[fresh-EIO-once]"
_LOCAL = "storage/test_local.py::"
_COMMIT = "registry/test_commit.py::"
_RULES = "protocol/test_rules.py::"
_GC = "registry/test_gc.py::"
_DOUBT = "s3/test_doubt.py::"
_LINK = "os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)"
_RENAME = "os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)"
_CANDIDATES = "    candidates = sorted(entry for entry in _candidates(store, now)"
_NEEDED = "set(_needed(store, now, grace))\n"
_KEPT = "_without_needed.__dict__['needed']"
_SYNC = "os.fsync(descriptor)  # never a second time: the system may have dropped the bytes that it couldn't write"

LOCAL = (
    _mutant("the bytes are not synced", _CRASHES, ("storage.exclusive", _SYNC, "")),
    _mutant(
        "the name comes before the sync of the bytes",
        _CRASHES,
        ("storage.exclusive", _SYNC, ""),
        (
            "storage.exclusive",
            "        created = _link(folder, temporary, name, made, place)\n",
            "        created = _link(folder, temporary, name, made, place)\n"
            "        late = os.open(temporary, os.O_WRONLY, dir_fd=folder)\n"
            "        os.fsync(late)\n"
            "        os.close(late)\n",
        ),
    ),
    _mutant(
        "the folder is not synced after the link",
        _CRASHES,
        ("storage.exclusive", "            sync_folder(folder)\n        except", "            pass\n        except"),
    ),
    _mutant(
        "folders above are not synced",
        _CRASHES,
        ("storage.exclusive", "                sync_folder(above)", "                pass"),
    ),
    _mutant(
        "the new root is not synced",
        _CRASHES,
        ("storage.folders", "            sync_folder(parent)\n            return", "            return"),
    ),
    _mutant(
        "a root that is there is not synced",
        _CRASHES,
        ("storage.folders", "        _sync_parent(folder)\n", "        pass\n"),
    ),
    _mutant(
        "rename in place of link",
        "storage/test_local.py::TestLocalStore::test_the_first_put_wins_for_ever",
        ("storage.exclusive", _LINK, _RENAME),
    ),
    _mutant(
        "a look, and then rename",
        _RULES + "test_whenever_another_comes_one_of_the_two_wins",
        ("storage.exclusive", _LINK, f"if _look(folder, name, place): return False\n            {_RENAME}"),
    ),
    _mutant(
        "a link whose answer was lost is taken for another's",
        _LOCAL + "test_a_link_whose_answer_got_lost_counts",
        ("storage.exclusive", "(found.st_dev, found.st_ino) == (made.st_dev, made.st_ino)", "False"),
    ),
    _mutant(
        "a look that fails is taken for no file",
        _RULES + "test_a_link_that_can_not_be_looked_at_is_in_doubt",
        (
            "storage.exclusive",
            '        raise _unknown(place, "the system can\'t say whether it was created", error) from error',
            "        return None",
        ),
    ),
    _mutant(
        "a last sync that fails is called a failure",
        _RULES + "test_a_sync_that_fails_is_never_told_as_success",
        (
            "storage.exclusive",
            "            raise _unknown(\n",
            "            raise StorageError(place) from error\n            raise _unknown(\n",
        ),
    ),
    _mutant(
        "a last sync that fails is called a success",
        _RULES + "test_a_sync_that_fails_is_never_told_as_success",
        (
            "storage.exclusive",
            "            raise _unknown(\n",
            "            return created\n            raise _unknown(\n",
        ),
    ),
    _mutant(
        "what closing a file tells is ignored",
        _RULES + "test_what_only_closing_a_file_tells_is_a_failure",
        (
            "storage.exclusive",
            "    with writing(place):\n        os.close(descriptor)",
            "    with suppress(OSError):\n        os.close(descriptor)",
        ),
    ),
    _mutant(
        "the temporary file may be another's",
        _LOCAL + "test_a_link_at_the_name_of_the_temporary_file",
        ("storage.exclusive", "os.open(name, _NEW,", "os.open(name, os.O_WRONLY | os.O_CREAT,"),
    ),
    _mutant(
        "the temporary file stays",
        _CALLS,
        ("storage.exclusive", "            os.unlink(temporary, dir_fd=folder)", "            pass"),
    ),
    _mutant(
        "folders that can't be synced are passed over",
        _RULES + "test_a_sync_that_fails_is_never_told_as_success",
        ("storage.folders", "if error.errno != errno.EINVAL:", "if False:"),
    ),
    _mutant(
        "short writes are not continued",
        _LOCAL + "test_short_writes_are_continued",
        (
            "storage.writing",
            "rest = rest[os.write(self.descriptor, rest) :]",
            "rest = rest[: os.write(self.descriptor, rest) * 0]",
        ),
    ),
    _mutant(
        "a look that fails is taken for an absent key",
        "faults/test_system_calls.py::test_a_read_that_fails_is_never_an_absent_key[once-EIO]",
        (
            "storage.local",
            "            if error.errno in NOT_THERE:\n                return None\n            raise",
            "            return None",
        ),
    ),
)

COMMIT = (
    _mutant(
        "a lost answer is not followed by another try",
        _COMMIT + "test_an_answer_that_was_lost_once_changes_nothing",
        ("registry.commit", "range(_TRIES)", "range(1)"),
    ),
    _mutant(
        "no answer is taken for a success",
        _COMMIT + "test_answers_that_are_lost_for_ever_are_not_called_success_or_failure",
        (
            "registry.commit",
            "            if error.visible:\n",
            "            return body\n            if error.visible:\n",
        ),
    ),
    _mutant(
        "no answer is taken for a failure",
        _COMMIT + "test_answers_that_are_lost_for_ever_are_not_called_success_or_failure",
        (
            "registry.commit",
            "    raise CommitUnknownError(message, attempt, visible) from doubt",
            "    raise ImageCardsError(message)",
        ),
    ),
    _mutant(
        "a refusal after a lost answer is taken for a failure",
        _COMMIT + "test_a_refusal_after_a_lost_answer_is_not_called_failure",
        (
            "registry.commit",
            "            if doubt is None:\n                raise  # nothing",
            "            if True:\n                raise  # nothing",
        ),
    ),
    _mutant(
        "taken is taken for a success",
        _COMMIT + "test_a_lost_answer_is_not_taken_for_a_conflict",
        ("registry.commit", "else store.get(key)", "else body"),
    ),
    _mutant(
        "what may not be durable is tried until it is called so",
        _COMMIT + "test_a_card_that_landed_is_found_by_its_attempt",
        (
            "registry.commit",
            "            if error.visible:\n                break",
            "            if False:\n                break",
        ),
    ),
    _mutant(
        "only the first try asks how old the attempt is",
        _COMMIT + "test_a_card_is_not_sent_again_by_an_attempt_that_became_too_old",
        ("registry.commit", "            before_each()\n", "            doubt or before_each()\n"),
    ),
    _mutant(
        "an attempt may be of any age",
        _COMMIT + "test_an_attempt_that_became_too_old_commits_nothing",
        ("registry.attempt", "if age > MAXIMUM_AGE:", "if False:"),
    ),
    _mutant(
        "data are deleted while the outcome is unknown",
        _COMMIT + "test_answers_that_are_lost_for_ever_are_not_called_success_or_failure",
        ("registry.attempt", "        if not self._exposed:\n", "        if True:\n"),
    ),
    _mutant(
        "data of a refused card stay",
        _COMMIT + "test_a_refusal_leaves_nothing",
        ("registry.attempt", "            self._exposed = False\n            raise", "            raise"),
    ),
    _mutant(
        "the card comes before its data",
        _RULES + "test_when_a_card_is_put_all_that_it_names_is_there",
        (
            "registry.attempt",
            "        self.claim(key)\n        return ",
            "        self.claim(key)\n"
            "        import hashlib\n"
            "        data = b''.join(chunks)\n"
            "        digest = f'sha256:{hashlib.sha256(data).hexdigest()}'\n"
            "        vars(self).setdefault('_later', {})[key] = data\n"
            "        return StoredFile(key=key, size=len(data), digest=digest) or ",
        ),
        (
            "registry.attempt",
            "        self._exposed = there == body\n",
            "        self._exposed = there == body\n"
            "        for late, data in vars(self).pop('_later', {}).items():\n"
            "            put_file(self.store, late, [data])\n",
        ),
        (
            "registry.publish",
            '        _check_ready(store, card, content.lenders, request.said.get("parents", ()))\n',
            "",
        ),
    ),
    _mutant(
        "nobody looks whether all files are there",
        _RULES + "test_a_file_that_a_store_does_not_keep_is_missed_before_the_commit",
        ("registry.publish", "        if size != stored.size:", "        if False:"),
    ),
    _mutant(
        "nobody looks whether files are whole",
        _RULES + "test_a_file_that_a_store_does_not_keep_is_missed_before_the_commit",
        ("registry.publish", "        if size != stored.size:", "        if size is None:"),
    ),
    _mutant(
        "nobody looks whether a lender was withdrawn",
        _RULES + "test_a_lender_that_is_withdrawn_meanwhile_lends_nothing",
        ("registry.publish", "if lookup.tombstone(store, lender.ref) is not None:", "if False:"),
    ),
    _mutant(
        "nobody looks whether a parent was withdrawn",
        _COMMIT + "test_a_parent_that_is_withdrawn_meanwhile_is_named",
        (
            "registry.publish",
            "        if tomb is not None:\n            raise StorageError",
            "        if False:\n            raise StorageError",
        ),
    ),
    _mutant(
        "a taken number counts as registered, whatever is there",
        "registry/test_register.py::test_an_explicit_version_with_other_content_is_a_conflict",
        ("registry.publish", "        if _says_the_same(store, other, content, request, kept):", "        if True:"),
    ),
    _mutant(
        "a card that is there is believed to be durable",
        _RULES + "test_a_card_that_is_there_is_durable_before_it_is_said_to_be",
        ("registry.publish", "        _confirm(store, whole)\n", ""),
    ),
    _mutant(
        "a withdrawn number is free again",
        _RULES + "test_a_withdrawn_number_stays_taken",
        (
            "registry.withdraw",
            "    commit(store, keys.tomb(exact), body",
            "    store.delete([keys.card(exact)])\n    commit(store, keys.tomb(exact), body",
        ),
    ),
    _mutant(
        "a tag is called moved though another moved it",
        _RULES + "test_a_tag_that_another_moves_meanwhile_is_moved_after_that",
        ("registry.tags", "ask=again) == body:", "ask=again):"),
    ),
    _mutant(
        "a use is called recorded though another's was",
        _RULES + "test_a_use_that_another_records_meanwhile_is_kept_beside_ours",
        ("registry.uses", 'again") == body:', 'again"):'),
    ),
)

GARBAGE = (
    _mutant(
        "cards are listed before objects",
        _RULES + "test_a_card_that_comes_while_garbage_is_collected_keeps_its_data",
        ("registry.gc", _CANDIDATES, f"    {_KEPT} = {_NEEDED}{_CANDIDATES}"),
        ("registry.gc", f"    needed = {_NEEDED}", f"    needed = {_KEPT}\n"),
    ),
    _mutant(
        "garbage needs no age",
        _GC + "test_what_an_interrupted_registration_left_goes_once_it_is_old",
        ("registry.gc", "    if grace < SHORTEST_GRACE:", "    grace = -1e9\n    if False:"),
    ),
    _mutant(
        "any grace period is allowed",
        _GC + "test_too_short_a_grace_is_refused",
        ("registry.gc", "    if grace < SHORTEST_GRACE:", "    if False:"),
    ),
    _mutant(
        "data of a withdrawn version go at once",
        _GC + "test_a_withdrawn_version_keeps_its_files_for_the_grace_period",
        ("registry.gc", "return tomb is not None and tomb.modified < oldest", "return tomb is not None"),
    ),
    _mutant(
        "data of a lost card are garbage",
        _GC + "test_nothing_is_collected_while_a_card_is_lost",
        ("registry.gc", "        _check_complete(store)\n", ""),
    ),
    _mutant(
        "what was attached needs nothing",
        _GC + "test_nothing_of_a_live_version_is_garbage",
        ("registry.gc", "keys.ATTACHED):", "*()):"),
    ),
    _mutant(
        "only known fields of a card name data",
        _GC + "test_what_a_newer_minor_format_names_is_kept",
        (
            "registry.gc",
            "            yield from _data_keys(body)",
            "            yield from _data_keys({name: body.get(name) for name in ('records', 'shards', 'table')})",
        ),
    ),
)

SERVERS = (
    _mutant(
        "what the probe finds is ignored",
        "s3/test_refusals.py::test_a_server_that_lets_everybody_win_is_refused",
        ("registry.probe", "    store.delete([key])\n", "    store.delete([key])\n    return\n"),
    ),
    _mutant(
        "a server is not tried",
        "s3/test_refusals.py::test_a_server_that_lets_everybody_win_is_refused",
        ("registry.register", "    if store.remote and not allow_unsafe_store:", "    if False:"),
    ),
    _mutant(
        "put without a condition",
        _DOUBT + "test_another_s_object_is_left_as_it_is",
        ("storage.s3", '                    IfNoneMatch="*",\n', ""),
    ),
    _mutant(
        "parts are put together without a condition",
        _DOUBT + "test_another_s_object_is_left_as_it_is",
        ("storage.multipart", ', IfNoneMatch="*")', ")"),
    ),
    _mutant(
        "taken is taken for a success by the server's word",
        _DOUBT + "test_another_s_object_is_left_as_it_is",
        (
            "storage.s3",
            "            taken = problem.code in TAKEN\n",
            "            taken = problem.code in TAKEN\n            if taken:\n                return True\n",
        ),
    ),
    _mutant(
        "taken is taken for a conflict by the server's word",
        _DOUBT + "test_faults_that_pass_are_overcome",
        (
            "storage.s3",
            "            taken = problem.code in TAKEN\n",
            "            taken = problem.code in TAKEN\n            if taken:\n                return False\n",
        ),
    ),
    _mutant(
        "any mark counts as ours",
        _DOUBT + "test_another_s_object_is_left_as_it_is",
        ("storage.s3", 'found.get("Metadata", {}).get("put") == mark', "True"),
    ),
    _mutant(
        "no mark counts as ours",
        _DOUBT + "test_faults_that_pass_are_overcome",
        ("storage.s3", 'found.get("Metadata", {}).get("put") == mark', "False"),
    ),
    _mutant(
        "no answer is not followed by a look",
        _DOUBT + "test_what_stays_untold_is_in_doubt",
        ("storage.s3", "            if taken or problem.landed:", "            if taken:"),
    ),
    _mutant(
        "a request without an answer is not sent again",
        _DOUBT + "test_faults_that_pass_are_overcome",
        (
            "storage.s3",
            "        for pause in pauses():\n            try:\n                self._bucket.ask_once(",
            "        for pause in [None]:\n            try:\n                self._bucket.ask_once(",
        ),
    ),
    _mutant(
        "a put in doubt is called a failure",
        _DOUBT + "test_what_stays_untold_is_in_doubt",
        ("storage.s3", "        if not doubt:\n", "        if True:\n"),
    ),
    _mutant(
        "a refusal is called doubt",
        _DOUBT + "test_what_was_certainly_not_done_has_failed",
        ("storage.s3", "        if not doubt:\n", "        if False:\n"),
    ),
    _mutant(
        "a server error is taken for a refusal",
        _DOUBT + "test_what_stays_untold_is_in_doubt",
        ("storage.answers", "code, status, landed=failed or status == 0,", "code, status, landed=status == 0,"),
    ),
    _mutant(
        "bytes go without their checksum",
        _DOUBT + "test_faults_that_pass_are_overcome",
        ("storage.s3", "                    ChecksumSHA256=checksum(data),\n", ""),
    ),
    _mutant(
        "an end without an answer leaves no doubt",
        _DOUBT + "test_what_stays_untold_is_in_doubt",
        ("storage.multipart", "        doubt = problem if problem.landed else doubt\n", ""),
    ),
    _mutant(
        "an upload that is gone is taken for a failure",
        _DOUBT + "test_faults_that_pass_are_overcome",
        ("storage.multipart", 'gone = problem.code == "NoSuchUpload"', "gone = False"),
    ),
    _mutant(
        "an end in doubt is called a failure",
        _DOUBT + "test_what_stays_untold_is_in_doubt",
        ("storage.multipart", "    if doubt is None and problem.code not in TAKEN:", "    if True:"),
    ),
    _mutant(
        "what was sent in vain stays",
        _DOUBT + "test_another_s_object_is_left_as_it_is",
        ("storage.multipart", "            if not created:\n                _abort(bucket, upload)\n", ""),
    ),
    _mutant(
        "tries may take as long as they like",
        "s3/test_refusals.py::test_tries_that_take_long_are_few",
        ("storage.bucket", "        if monotonic() - began > _PATIENCE:", "        if False:"),
    ),
)

MUTANTS = (*LOCAL, *COMMIT, *GARBAGE, *SERVERS)
