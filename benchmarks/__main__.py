"""The command ``python -m benchmarks``."""

import argparse
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from benchmarks import diff, formats, hdf5, loading, lookup, reading, register, steps, validate
from benchmarks.children import ROOT, compile_package
from benchmarks.figures import Outcome, Sample, Suite
from benchmarks.machine import describe
from benchmarks.options import Options
from benchmarks.peers import ENVIRONMENTS, peer_versions, peers_python
from benchmarks.report import judgements, render, section

_SUITES = MappingProxyType(
    {
        "register": register.suites,
        "validate": validate.suites,
        "lookup": lookup.suites,
        "reading": reading.suites,
        "loading": loading.suites,
        "diff": diff.suites,
        "formats": formats.suites,
        "hdf5": hdf5.suites,
        "steps": steps.suites,
    }
)
_NEEDED = MappingProxyType(
    {"register": ("peers",), "formats": ("supervision", "datumaro"), "steps": ("folds",), "loading": ("loading",)}
)


def main() -> None:
    """Run suites, print what they gave, and write the report where all of them ran in full."""
    arguments = _arguments()
    names = arguments.suites or list(_SUITES)
    load = os.getloadavg()[0]  # before anything is made
    place = ROOT / ".bench"
    place.mkdir(exist_ok=True)
    peers = {} if arguments.no_peers else _peers(place, names, dict(arguments.peers))
    measured = [peer_versions(python, ENVIRONMENTS[name]) for name, python in peers.items()]
    versions = {name: version for each in measured for name, version in each.items()}
    compile_package()
    options = Options(place, arguments.quick, peers)
    machine = describe(place, versions, load)
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
    parser.add_argument(
        "--peers",
        action="append",
        default=[],
        type=_environment,
        metavar="NAME=PYTHON",
        help=f"an interpreter that has some peers ({', '.join(ENVIRONMENTS)}), instead of .bench/NAME",
    )
    parser.add_argument("--no-peers", action="store_true", help="leave the peers out")
    parser.add_argument("--output", type=Path, help="where to write the report, also of a part of the suites")
    arguments = parser.parse_args()
    unknown = set(arguments.suites) - set(_SUITES)
    if unknown:
        parser.error(f"no suite {', '.join(sorted(unknown))}: there are {', '.join(_SUITES)}")
    return arguments


def _environment(text: str) -> tuple[str, Path]:
    name, separator, python = text.partition("=")
    if not separator or name not in ENVIRONMENTS:
        raise argparse.ArgumentTypeError(f"write one of {', '.join(ENVIRONMENTS)}, '=' and the interpreter")
    return name, Path(python)


def _peers(place: Path, suites: Sequence[str], given: Mapping[str, Path]) -> dict[str, Path]:
    """The interpreters with the peers that the suites measure against; those that can't be made are left out."""
    found = {}
    for name in [name for suite in suites for name in _NEEDED.get(suite, ())]:
        python = given.get(name) or peers_python(place / name, ENVIRONMENTS[name])
        if python is not None:
            found[name] = python
    return found


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
