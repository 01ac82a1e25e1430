"""``imagecards validate``: everything that is wrong with a folder, at once."""

from pathlib import Path
from typing import Annotated

import typer

from imagecards.cli.options import AsJson
from imagecards.cli.printing import plural, print_json


def add_commands(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command("validate")(validate)


def validate(
    path: Annotated[Path, typer.Argument(help="A folder of images, or a metadata.jsonl file alone.")],
    metadata: Annotated[
        str | None, typer.Option(help="The metadata file in the folder.", show_default="metadata.jsonl")
    ] = None,
    limit: Annotated[int, typer.Option(help="How many issues to print; the counts cover all.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Check a folder with its metadata.jsonl and list all that is wrong, each with file, line and field."""
    from imagecards.datasets import ImageDataset
    from imagecards.records import read_jsonl

    if path.is_file():
        table, report = read_jsonl(path.read_bytes(), path.name)
        what = plural(table.num_rows, "record")
    else:
        dataset = ImageDataset(image_dir=path, metadata=metadata)
        report = dataset.validate()
        what = plural(len(dataset), "image") if report.ok else "images"
    if as_json:
        print_json(
            {
                "path": str(path),
                "ok": report.ok,
                "counts": report.counts,
                "issues": [issue.to_dict() for issue in report],
            }
        )
    else:
        if len(report):
            typer.echo(report.render(limit=limit))
        typer.echo(f"{path}: {what} valid" if report.ok else f"{path}: not valid; registering it would be refused")
    raise typer.Exit(0 if report.ok else 1)
