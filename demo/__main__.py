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

WIDTH = 110
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
    say("1. A folder of images", "24 microscope photographs with boxes, classes and captions, and a mask for each.")
    make_flakes(folder, 24, seed=7)
    show_folder(folder)

    say("2. Validate", "Three mistakes creep into metadata.jsonl: all are named at once, with line and field.")
    good = (folder / "images/metadata.jsonl").read_text()
    plant_mistakes(folder / "images/metadata.jsonl")
    run("validate images", expect=1)

    say("3. Register", "Mended, the folder becomes version 1.0.0: an immutable card, with the masks beside it.")
    (folder / "images/metadata.jsonl").write_text(good)
    run(
        "register images vision/flakes -m 'graphene flakes' --license CC-BY-4.0 \\\n"
        "      --tag prod --artifact masks=masks"
    )

    say("4. A week later", "A caption is corrected, two images come, one goes. The change decides the number.")
    change(folder)
    run("register images vision/flakes -m 'graphene flakes, second batch'")
    note("Once more: nothing changed, so there is no new version.")
    run("register images vision/flakes")
    note("And what is registered is never replaced.")
    run("register images vision/flakes --version 1.0.0", expect=4)

    say("5. Look it up", "What is there, what changed, and what is the version that is tagged prod?")
    run("list")
    run("versions vision/flakes")
    run("diff vision/flakes@prod vision/flakes@latest")
    run("log vision/flakes")
    run("show vision/flakes@prod")

    say("6. Train on it", "A range pins what a job accepts. Each image is checked against its digest when it is read.")
    python(
        """
        import imagecards as ic
        flakes = ic.CardRegistry().open("vision/flakes@^1")
        print(len(flakes), "images, the last one is", flakes.names[-1], flakes.image(flakes.names[-1]).size)
        print(flakes.records[0].caption)
        print(flakes.records[0].objects.categories)
        """
    )

    say(
        "7. Derive",
        "Without the small flakes, in three folds. The card says how, so anyone can make it again and compare.",
    )
    run(
        "derive vision/flakes --name vision/folds \\\n"
        "      --step 'min-area pixels=2000' --step drop-empty --step 'k-fold k=3 seed=42'"
    )
    run("replay vision/folds")
    run("lineage vision/folds")

    say("8. Have the files again", "Byte for byte as they were registered.")
    run("fetch vision/flakes --to restored")
    same = subprocess.run(["diff", "-r", "images", "restored"], capture_output=True, text=True, check=False)
    print(f"\n  {CYAN}$ diff -r images restored{PLAIN}")
    print(indented(same.stdout.strip() or "(no difference)"))

    say("9. Trust it", "Are the stored bytes still those that were registered?")
    run("verify --deep")
    damage(folder / ".imagecards")
    note("Now one bit of one stored image flips.")
    run("verify --deep", expect=1)
    print(f"\n{BOLD}That was it.{PLAIN} Try it on a folder of yours: imagecards validate FOLDER; imagecards --help\n")


def show_folder(folder: Path) -> None:
    """A few lines on what was made."""
    images = sorted(path.name for path in (folder / "images").glob("*.jpg"))
    print(f"\n    images/  {images[0]} ... {images[-1]}, metadata.jsonl\n    masks/   the same names, as .png")
    first = json.loads((folder / "images/metadata.jsonl").read_text().splitlines()[0])
    print("\n    The first line of metadata.jsonl:")
    print(indented(json.dumps(first)))


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
    """Flip one bit of a stored image."""
    shards = sorted(registry.glob("data/*/*/*/shard-00000.tar"))  # two of one second come in any order
    shard = next(each for each in shards if b"flake-0000.jpg" in each.read_bytes()[:512])
    shard.chmod(0o644)
    data = bytearray(shard.read_bytes())
    data[5000] ^= 1
    shard.write_bytes(data)


def say(title: str, text: str) -> None:
    """Announce a step."""
    print(f"\n\n{BOLD}{title}{PLAIN}\n{text}")


def note(text: str) -> None:
    """Say something between two commands."""
    print(f"\n  {DIM}{text}{PLAIN}")


def run(command: str, expect: int = 0) -> None:
    """Run one imagecards command and show it with its output."""
    print(f"\n  {CYAN}$ imagecards {command}{PLAIN}", flush=True)
    line = f"{sys.executable} -m imagecards.cli {command}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    print(indented((done.stdout + done.stderr).rstrip()))
    if expect:
        print(f"    {DIM}(exit code {done.returncode}){PLAIN}")
    if done.returncode != expect or "Traceback" in done.stderr:
        sys.exit(f"imagecards {command} ended with {done.returncode}, not with {expect}")


def python(source: str) -> None:
    """Run a few lines of Python and show them with their output."""
    source = textwrap.dedent(source).strip()
    print("\n" + textwrap.indent(source, f"  {CYAN}>>> {PLAIN}"), flush=True)
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    print(indented(done.stdout.rstrip()))


def indented(text: str) -> str:
    """Output stands to the right of commands; what is wider than a screen goes on in the next line."""
    lines = []
    for line in text.splitlines():
        depth = " " * (4 + len(line) - len(line.lstrip()))
        if len(line) + 4 <= WIDTH:
            lines.append(f"    {line}")
        else:
            lines += textwrap.wrap(
                line.strip(), WIDTH, initial_indent=depth, subsequent_indent=f"{depth}  ", break_on_hyphens=False
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
