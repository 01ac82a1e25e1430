"""The command ``python -m benchmarks``."""

import argparse
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from benchmarks import lookup, reading, register, validate
from benchmarks.children import ROOT
from benchmarks.figures import Outcome, Sample, Suite
from benchmarks.machine import describe
from benchmarks.options import Options
from benchmarks.peers import peer_versions, peers_python
from benchmarks.report import judgements, render, section

_SUITES = MappingProxyType(
    {
        "register": register.suites,
        "validate": validate.suites,
        "lookup": lookup.suites,
        "reading": reading.suites,
    }
)


def main() -> None:
    """Run suites, print what they gave, and write the report where all of them ran in full."""
    arguments = _arguments()
    names = arguments.suites or list(_SUITES)
    load = os.getloadavg()[0]  # before anything is made
    place = ROOT / ".bench"
    place.mkdir(exist_ok=True)
    peers = arguments.peers
    if peers is None and "register" in names and not arguments.no_peers:
        peers = peers_python(place / "peers")
    options = Options(place, arguments.quick, peers)
    machine = describe(place, peer_versions(peers), load)
    with _secluded(options):
        outcomes = [_run(suite, arguments.rounds) for name in names for suite in _SUITES[name](options)]
    samples = {outcome.suite.title: outcome.samples for outcome in outcomes}
    (place / "samples.json").write_text(json.dumps(samples, indent=1), encoding="utf-8")
    report = render(machine, outcomes, arguments.rounds)
    if arguments.output is None and not arguments.quick and set(names) == set(_SUITES):
        arguments.output = ROOT / "benchmarks" / "results.md"
    if arguments.output is not None:
        arguments.output.write_text(report, encoding="utf-8")
        print(f"\nwritten to {arguments.output}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure against the peers, side by side."
    )
    parser.add_argument("suites", nargs="*", metavar="suite", help=f"of {', '.join(_SUITES)}; all by default")
    parser.add_argument("--quick", action="store_true", help="small data, to try the machinery: no report is written")
    parser.add_argument("--rounds", type=int, default=5, help="how often each contestant runs (5)")
    parser.add_argument("--peers", type=Path, help="an interpreter that has the peers, instead of .bench/peers")
    parser.add_argument("--no-peers", action="store_true", help="leave the peers out")
    parser.add_argument("--output", type=Path, help="where to write the report, also of a part of the suites")
    arguments = parser.parse_args()
    unknown = set(arguments.suites) - set(_SUITES)
    if unknown:
        parser.error(f"no suite {', '.join(sorted(unknown))}: there are {', '.join(_SUITES)}")
    return arguments


@contextmanager
def _secluded(options: Options) -> Iterator[None]:
    """Keep the user's own caches and registry out of it, and remove what rounds left."""
    shutil.rmtree(options.scratch, ignore_errors=True)
    options.scratch.mkdir()
    os.environ.pop("IMAGECARDS_REGISTRY", None)
    os.environ["IMAGECARDS_CACHE"] = str(options.scratch / "cache")
    try:
        yield
    finally:
        shutil.rmtree(options.scratch, ignore_errors=True)


def _run(suite: Suite, rounds: int) -> Outcome:
    print(f"\n{suite.title}", flush=True)
    suite.prepare()
    samples: list[Sample] = []
    for number in range(rounds):
        print(f"  round {number + 1} of {rounds}", flush=True)
        samples.append(suite.round(number))
    outcome = Outcome(suite, samples)
    print("\n".join(["", *section(outcome), "", *judgements(outcome)]), flush=True)
    return outcome


if __name__ == "__main__":
    main()
