"""A model of the commit protocol: a writer among others, a server that loses and delays, withdrawal, the collector.

The writer wants a number that *rivals* want too: any number of them, of whom it sees no more than that one's card is
suddenly there. It stores data of its own, and may borrow the shard of an older version, the *lender*, which somebody
may withdraw. Any step of anybody may come after any other, and time may pass in between, without end: ages are counted
as far as a rule asks for them. Who dies takes no further step, so every state is also one in which anybody has died.

`Rules` are those of docs/spec.md ("Writing a version", "Collecting garbage"); one is left out by changing its value.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

OLDEST_ATTEMPT = 1
"""How old an attempt may be when it sends its card, in ticks of the clock."""

LATEST = 1
"""How many ticks later a request may still arrive."""

GRACE = OLDEST_ATTEMPT + LATEST
"""For how many ticks what no card names is left alone: the least that is allowed."""

TRIES = 3
"""How often the writer sends its card."""

OWN, SHARD = "the writer's data", "the lender's shard"
_RUNNING = ("stored", "checked", "waiting", "asking")


@dataclass(frozen=True)
class Rules:
    """What everybody keeps to; the defaults are the protocol.

    Attributes:
        put: How the card is written: only if its name is free, after a look whether it is, or in any case.
        taken: What the writer makes of the answer that the name is taken.
        silence: What it makes of no answer.
        absent: What it makes of no answer while no card is there, in the end.
        in_doubt: What becomes of data while the outcome is unknown.
        first: What is stored first.
        looks_at_files: Whether it is seen before the commit that all files are there.
        looks_at_lender: Whether it is seen before the commit that the lender was not withdrawn meanwhile.
        oldest_attempt: How old an attempt may be when its card is sent.
        oldest_again: How old it may be when its card is sent again.
        grace: For how long the collector leaves alone what no card names.
        grace_of_withdrawn: For how long it leaves alone what only a withdrawn card names.
        collector: What it lists first.
        numbers: Whether the card of a withdrawn version stays, so that its number is never used again.
    """

    put: Literal["if absent", "after a look", "always"] = "if absent"
    taken: Literal["read back", "a conflict", "a success"] = "read back"
    silence: Literal["read back", "a failure", "a success"] = "read back"
    absent: Literal["unknown", "a failure"] = "unknown"
    in_doubt: Literal["keep", "delete"] = "keep"
    first: Literal["data", "card"] = "data"
    looks_at_files: bool = True
    looks_at_lender: bool = True
    oldest_attempt: int | None = OLDEST_ATTEMPT
    oldest_again: int | None = OLDEST_ATTEMPT
    grace: int = GRACE
    grace_of_withdrawn: int = GRACE
    collector: Literal["objects first", "cards first"] = "objects first"
    numbers: Literal["used once", "used again"] = "used once"


class World(NamedTuple):
    """One state of everything; an age is ``None`` for what is not there or did not happen.

    Attributes:
        writer: ``new``, ``ready``, ``stored``, ``checked``, ``waiting`` for an answer, ``asking`` what became of its
            card; or how it ended: ``done``, ``conflict``, ``failed``, ``unknown``.
        attempt: How long ago the attempt began.
        borrows: Whether it points into the lender's shard.
        tries: How often it sent its card.
        requests: How much longer each of its requests may take to arrive.
        card: Whose card is there: ``""``, ``"writer"`` or ``"rival"``.
        given: To whom the number was ever given.
        withdrawn: How long ago the number was withdrawn.
        data: How old the writer's data are.
        shard: Whether the lender's shard is there.
        lender_withdrawn: How long ago the lender was withdrawn.
        collector: What it will do next, if it is at work.
        found: With what.
    """

    writer: str = "new"
    attempt: int = 0
    borrows: bool = False
    tries: int = 0
    requests: tuple[int, ...] = ()
    card: str = ""
    given: frozenset[str] = frozenset()
    withdrawn: int | None = None
    data: int | None = None
    shard: bool = True
    lender_withdrawn: int | None = None
    collector: str = ""
    found: tuple[str, ...] = ()


Step = tuple[str, World]


def broken(world: World) -> str | None:
    """Which promise does not hold in a state."""
    if len(world.given) > 1:
        return "lost update: one number was given to two versions"
    if world.writer == "done" and "writer" not in world.given:
        return "false success: the writer was told that it committed, and did not"
    if world.writer in ("conflict", "failed") and "writer" in world.given:
        return "false failure: the writer was told that it did not commit, and did"
    if world.card == "writer" and world.withdrawn is None:
        if world.data is None:
            return "dangling card: its own data are gone"
        if world.borrows and not world.shard:
            return "dangling card: the data that it borrowed are gone"
    if world.lender_withdrawn is None and not world.shard:
        return "dangling card: the lender's data are gone"
    return None


def steps(world: World, rules: Rules) -> Iterator[Step]:
    """Everything that can happen next."""
    yield from _write(world, rules)
    yield from _arrive(world, rules)
    yield "time passes", _tick(world)
    if not world.card:
        yield "a rival's card is there", world._replace(card="rival", given=world.given | {"rival"})
    elif world.withdrawn is None and rules.numbers == "used once":
        yield "the version is withdrawn", world._replace(withdrawn=0)
    elif world.withdrawn is None:
        yield "the version is withdrawn", world._replace(card="")
    if world.lender_withdrawn is None:
        yield "the lender is withdrawn", world._replace(lender_withdrawn=0)
    yield from _collect(world, rules)


# -- the writer ----------------------------------------------------------------------------------------------


def _write(world: World, rules: Rules) -> Iterator[Step]:
    match world.writer:
        case "new":
            yield "the writer borrows nothing", world._replace(writer="ready")
            if world.lender_withdrawn is None:
                yield "the writer sees that the lender may lend", world._replace(writer="ready", borrows=True)
        case "ready":
            begun = world._replace(writer="stored")
            if rules.first == "data":
                yield "the writer stores its data", begun._replace(data=0)
                yield "the writer stores its data, and the server keeps nothing of them", begun
            else:
                yield "the writer begins", begun
        case "stored":
            yield _look(world, rules)
        case "checked":
            yield _send(world, rules)
        case "waiting":
            yield "the writer gets no answer", _unanswered(world, rules)
        case "asking":
            yield _ask(world, rules)
        case "done" if rules.first == "card" and world.data is None:
            yield "the writer stores its data", world._replace(data=0)


def _look(world: World, rules: Rules) -> Step:
    """What is seen before the commit."""
    missing = world.data is None or (world.borrows and not world.shard)
    if rules.looks_at_files and rules.first == "data" and missing:
        return "the writer misses a file and gives up", _end(world, "failed")
    if rules.looks_at_lender and world.borrows and world.lender_withdrawn is not None:
        return "the writer sees that the lender was withdrawn and gives up", _end(world, "failed")
    if rules.put == "after a look" and world.card:
        return "the writer sees a card and gives up", _end(world, "conflict")
    return "the writer has looked, and all is well", world._replace(writer="checked")


def _send(world: World, rules: Rules) -> Step:
    oldest = rules.oldest_again if world.tries else rules.oldest_attempt
    if oldest is None or world.attempt <= oldest:
        again = " again" if world.tries else ""
        requests = tuple(sorted((*world.requests, LATEST)))
        return f"the writer sends its card{again}", world._replace(
            writer="waiting", tries=world.tries + 1, requests=requests
        )
    if world.tries:
        return "the writer has become too old to send it again", _end(world, "unknown", keep=rules.in_doubt == "keep")
    return "the writer has become too old and gives up", _end(world, "failed")


def _unanswered(world: World, rules: Rules) -> World:
    match rules.silence:
        case "a success":
            return _end(world, "done", keep=True)
        case "a failure":
            return _end(world, "failed", keep=rules.in_doubt == "keep")
        case "read back":
            return world._replace(writer="asking")


def _ask(world: World, rules: Rules) -> Step:
    """The writer is in doubt, and reads the card back."""
    if world.card == "writer":
        return "the writer reads its own card", _end(world, "done", keep=True)
    if world.card:
        return "the writer reads a rival's card", _end(world, "conflict")
    if world.tries < TRIES:
        return "the writer finds no card", world._replace(writer="checked")
    end = "unknown" if rules.absent == "unknown" else "failed"
    kept = rules.in_doubt == "keep"
    return "the writer finds no card, and has tried often enough", _end(world, end, keep=kept)


def _end(world: World, how: str, *, keep: bool = False) -> World:
    """The writer ends; it deletes data that no card can name."""
    return world._replace(writer=how, attempt=0, tries=0, data=world.data if keep else None)


def _arrive(world: World, rules: Rules) -> Iterator[Step]:
    """A request reaches the server, and its answer the writer or not."""
    for life in dict.fromkeys(world.requests):
        rest = list(world.requests)
        rest.remove(life)
        after = world._replace(requests=tuple(rest))
        listening = world.writer == "waiting" and not rest  # nobody waits for the answer to an earlier one
        if rules.put == "if absent" and world.card:
            yield "the writer's card arrives, the name is taken, and the answer is lost", after
            told, heard = "the writer's card arrives, and it is told that the name is taken", _taken(after, rules)
        else:
            after = after._replace(card="writer", given=world.given | {"writer"})
            yield "the writer's card arrives and is there, and the answer is lost", after
            told, heard = "the writer's card arrives and is there, and it is told so", _end(after, "done", keep=True)
        if listening:
            yield told, heard


def _taken(world: World, rules: Rules) -> World:
    match rules.taken:
        case "a conflict":
            return _end(world, "conflict")
        case "a success":
            return _end(world, "done", keep=True)
        case "read back":
            return world._replace(writer="asking")


# -- the collector and the clock -----------------------------------------------------------------------------


def _collect(world: World, rules: Rules) -> Iterator[Step]:
    cards_first = rules.collector == "cards first"
    match world.collector:
        case "" if cards_first:
            yield "the collector lists cards", world._replace(collector="objects", found=_needed(world, rules))
        case "" if old := _old(world, rules):
            yield "the collector lists objects", world._replace(collector="cards", found=old)
        case "cards":
            needed = _needed(world, rules)
            yield "the collector lists cards", _decide(world, [each for each in world.found if each not in needed])
        case "objects":
            garbage = [each for each in _old(world, rules) if each not in world.found]
            yield "the collector lists objects", _decide(world, garbage)
        case "delete":
            data = None if OWN in world.found else world.data
            shard = world.shard and SHARD not in world.found
            after = world._replace(data=data, shard=shard, collector="", found=())
            yield f"the collector deletes {' and '.join(world.found)}", after


def _decide(world: World, garbage: list[str]) -> World:
    return world._replace(collector="delete" if garbage else "", found=tuple(garbage))


def _old(world: World, rules: Rules) -> tuple[str, ...]:
    own = [OWN] if world.data is not None and world.data > rules.grace else []
    return (*own, *([SHARD] if world.shard else []))  # the lender's shard is old from the beginning


def _needed(world: World, rules: Rules) -> tuple[str, ...]:
    needed = {SHARD} if not _long_withdrawn(world.lender_withdrawn, rules) else set()
    if world.card == "writer" and not _long_withdrawn(world.withdrawn, rules):
        needed |= {OWN, SHARD} if world.borrows else {OWN}
    return tuple(sorted(needed))


def _long_withdrawn(age: int | None, rules: Rules) -> bool:
    return age is not None and age > rules.grace_of_withdrawn


def _tick(world: World) -> World:
    return world._replace(
        attempt=min(world.attempt + 1, OLDEST_ATTEMPT + 1) if world.writer in _RUNNING else 0,
        requests=tuple(life - 1 for life in world.requests if life),
        data=_older(world.data),
        withdrawn=_older(world.withdrawn),
        lender_withdrawn=_older(world.lender_withdrawn),
    )


def _older(age: int | None) -> int | None:
    return None if age is None else min(age + 1, GRACE + 1)
