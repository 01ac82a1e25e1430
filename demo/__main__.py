"""The product in one minute: every step is a command that you could type yourself."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

from imagecards.testing.flakes import make_flakes

BOLD, DIM, CYAN, PLAIN = ("\033[1m", "\033[2m", "\033[36m", "\033[0m") if sys.stdout.isatty() else ("", "", "", "")


def main() -> None:
    """Walk through the life of a small dataset."""
    with tempfile.TemporaryDirectory(prefix="imagecards-demo-") as folder:
        os.environ["IMAGECARDS_CACHE"] = str(Path(folder, "cache"))
        os.environ.pop("IMAGECARDS_REGISTRY", None)
        os.chdir(folder)
        walk(Path(folder))


def walk(folder: Path) -> None:
    """Each step: what happens, the command, and what it prints."""
    say("24 microscope images with boxes, classes and captions, and a mask for each:")
    make_flakes(folder, 24, seed=7)
    print(
        indented(
            "images/flake-0000.jpg ... flake-0023.jpg\nimages/metadata.jsonl\nmasks/flake-0000.png ... flake-0023.png"
        )
    )
    print(indented((folder / "images/metadata.jsonl").read_text().splitlines()[0]))

    say("Three mistakes creep into metadata.jsonl. validate names each, with line and field:")
    good = (folder / "images/metadata.jsonl").read_text()
    plant_mistakes(folder / "images/metadata.jsonl")
    run("validate images", expect=1)

    say("They are mended, and the folder is registered as version 1.0.0, with the masks beside it:")
    (folder / "images/metadata.jsonl").write_text(good)
    run("register images vision/flakes -m 'graphene flakes' --license CC-BY-4.0 --tag prod --artifact masks=masks")

    say("A caption is corrected, two images are added and one is taken out. Only what is new is stored:")
    change(folder)
    run("register images vision/flakes -m 'graphene flakes, second batch'")
    run("register images vision/flakes   # once more: nothing changed, so there is no new version", expect=0)

    say("What is there, and what changed?")
    run("list")
    run("versions vision/flakes")
    run("diff vision/flakes@prod vision/flakes@latest")
    run("show vision/flakes@1.0.0")

    say("Are the bytes still those that were registered?")
    run("verify --deep")
    damage(folder / ".imagecards")
    print(f"\n  {DIM}(one byte of a stored file is flipped){PLAIN}")
    run("verify --deep", expect=1)
    damage(folder / ".imagecards")

    say("A training job opens the card by a range, and reads images at the speed of the disk:")
    python(
        """
        import imagecards as ic

        flakes = ic.CardRegistry().open("vision/flakes@^1")
        print(len(flakes), "images;", flakes.names[-1], "has", len(flakes.read(flakes.names[-1])), "bytes")
        print(flakes.records[0])
        """
    )
    run("fetch vision/flakes --to restored")
    same = subprocess.run(["diff", "-r", "images", "restored"], capture_output=True, text=True, check=False)
    print(indented(same.stdout.strip() or "no difference"))


def plant_mistakes(metadata: Path) -> None:
    """A field misspelt, a box outside its image, an image that is not there."""
    lines = metadata.read_text().splitlines()
    records = [json.loads(line) for line in lines]
    records[3]["captoin"] = records[3].pop("caption")
    records[8]["objects"]["bbox"][0][2] = 4000
    records[15]["file_name"] = "flake-0015.jpeg"
    metadata.write_text("".join(json.dumps(record) + "\n" for record in records))


def change(folder: Path) -> None:
    """What happens to a dataset in a week."""
    metadata = folder / "images/metadata.jsonl"
    records = [json.loads(line) for line in metadata.read_text().splitlines()]
    records[0]["caption"] += ", scratched substrate"
    (folder / "images" / records.pop(5)["file_name"]).unlink()
    make_flakes(folder / "batch-2", 2, seed=8, first=24)
    more = [json.loads(line) for line in (folder / "batch-2/images/metadata.jsonl").read_text().splitlines()]
    for record in more:
        shutil.move(folder / "batch-2/images" / record["file_name"], folder / "images" / record["file_name"])
    metadata.write_text("".join(json.dumps(record) + "\n" for record in [*records, *more]))


def damage(registry: Path) -> None:
    """Flip one bit of a stored image; doing it twice mends it."""
    shard = min(registry.glob("data/*/*/*/shard-00000.tar"))
    shard.chmod(0o644)
    data = bytearray(shard.read_bytes())
    data[5000] ^= 1
    shard.write_bytes(data)


def say(text: str) -> None:
    """Announce a step."""
    print(f"\n{BOLD}{text}{PLAIN}")


def run(command: str, expect: int = 0) -> None:
    """Run one imagecards command and show it with its output."""
    print(f"\n  {CYAN}$ imagecards {command}{PLAIN}", flush=True)
    line = f"{sys.executable} -m imagecards.cli {command}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    print(indented((done.stdout + done.stderr).rstrip()))
    if done.returncode != expect or "Traceback" in done.stderr:
        sys.exit(f"imagecards {command} ended with {done.returncode}, not with {expect}")


def python(source: str) -> None:
    """Run a few lines of Python and show them with their output."""
    source = textwrap.dedent(source).strip()
    print("\n" + textwrap.indent(source, f"  {CYAN}>>> {PLAIN}"), flush=True)
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    print(indented(done.stdout.rstrip()))


def indented(text: str) -> str:
    """Output stands to the right of commands, shortened to the width of a screen."""
    return "\n".join(f"    {line[:150]}{'...' if len(line) > 150 else ''}" for line in text.splitlines())


if __name__ == "__main__":
    main()
