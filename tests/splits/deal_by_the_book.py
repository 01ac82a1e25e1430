"""The deal as ``docs/concepts/splits.md`` says it, step by step and as plainly as possible."""

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence

Counts = Mapping[int, int]


def number(seed: int, purpose: str, name: str) -> int:
    text = json.dumps([seed, purpose, name], ensure_ascii=False, separators=(",", ":"))
    return int(hashlib.sha256(text.encode()).hexdigest(), 16)


def deal(
    units: Mapping[str, Counts], shares: Sequence[int], seed: int, purpose: str, even_sizes: bool
) -> dict[str, int]:
    parts, labels, whole = range(len(shares)), {x for c in units.values() for x in c}, sum(shares)
    total = {x: sum(c.get(x, 0) for c in units.values()) for x in labels}
    placed: dict[str, int] = {}
    rest: list[str] = []
    for kind in {tuple(sorted(counts.items())) for counts in units.values()}:
        same = [name for name, counts in units.items() if tuple(sorted(counts.items())) == kind]
        same.sort(key=lambda name: number(seed, purpose, name))
        for part in parts:
            for _ in range(len([n for n in units if tuple(sorted(units[n].items())) == kind]) * shares[part] // whole):
                placed[same.pop(0)] = part
        rest += same

    def over(where: Mapping[str, int], part: int, label: int) -> int:
        there = sum(units[name].get(label, 0) for name, p in where.items() if p == part)
        return whole * there - shares[part] * total[label]

    def distances(where: Mapping[str, int]) -> list[int]:
        return [over(where, part, label) for part in parts for label in labels]

    sizes = [len(units) * share // whole for share in shares]
    for part in sorted(parts, key=lambda part: (-(len(units) * shares[part] % whole), part))[: len(units) - sum(sizes)]:
        sizes[part] += 1
    looks, best, lowest = 0, placed, -1
    for attempt in range(8):
        drawn = {name: number(seed, f"{purpose}/{attempt}", name) for name in rest}
        order = sorted(rest, key=lambda name: (min(total[x] for x in units[name]), drawn[name]))
        where = dict(placed)
        for name in order:
            turn = [(drawn[name] + step) % len(shares) for step in parts]
            free = [p for p in turn if not even_sizes or list(where.values()).count(p) < sizes[p]]
            needs = {p: sum(c * over(where, p, x) for x, c in units[name].items()) for p in free}
            where[name] = min(free, key=lambda p: needs[p])
        quiet = 0
        pairs = list(itertools.combinations(parts, 2))
        while quiet < len(pairs) and looks < 2000 and any(abs(d) >= whole for d in distances(where)):
            looks += 1
            one, other = pairs[0]

            def lowers(name: str | None, source: int, target: int, where: Mapping[str, int] = where) -> int:
                counts: Counts = {} if name is None else units[name]
                return sum(
                    c * (over(where, target, x) - over(where, source, x)) + whole * c * c for x, c in counts.items()
                )

            mine = sorted((n for n in order if where[n] == one), key=lambda n: lowers(n, one, other))[:64]
            theirs = sorted((n for n in order if where[n] == other), key=lambda n: lowers(n, other, one))[:64]
            nobody: list[str | None] = [] if even_sizes else [None]
            found = None
            for a, b in itertools.product([*mine, *nobody], [*theirs, *nobody]):
                both = sum(c * units[b].get(x, 0) for x, c in units[a].items()) if a and b else 0
                change = lowers(a, one, other) + lowers(b, other, one) - 2 * whole * both
                if change < 0 and (found is None or change < found[0]):
                    found = change, a, b
            if found is None:
                pairs, quiet = [*pairs[1:], pairs[0]], quiet + 1
                continue
            if found[1]:
                where[found[1]] = other
            if found[2]:
                where[found[2]] = one
            quiet = 0
        cost = sum(d * d for d in distances(where))
        if lowest < 0 or cost < lowest:
            best, lowest = where, cost
        if all(abs(d) < whole for d in distances(where)) or looks == 2000:
            break
    return best
