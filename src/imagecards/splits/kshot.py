"""K shots: few images, with so many objects of every class, drawn several times."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, field_validator

from imagecards.datasets import ImageDataset, Step
from imagecards.errors import InvalidInputError
from imagecards.records import shown
from imagecards.splits.draw import Seed, draw_order
from imagecards.splits.labels import CATEGORIES, Labels, labels_of
from imagecards.splits.plan import SplitName, check_amount, joined_name, pool_of, with_splits
from imagecards.splits.shots import Choice, Patience, nested_choices

_MOST_NAMED = 5


class KShot(Step):
    """Add small training sets with k objects of each class: splits such as ``5_shot/run_3/train``.

    Whole images are chosen. What a (shot, run) gets depends on no other: another list of shots, or more runs, leaves
    those that were there as they are. For a version without classes that has the same images, put this step before
    the one that drops the classes, or let ``labels_from`` name a field that keeps them.

    Attributes:
        shots: How many objects of each class; one set for each number.
        runs: How many sets for each number, from ``run_0`` on.
        seed: Another one gives other sets.
        mode: Whether a set has at least so many objects of each class, or exactly so many.
        nested: Whether the set for a number holds those of all smaller numbers in the same run.
        name: What the names of the sets begin with, before a slash; nothing by default.
        of: The split to draw from; all images by default.
        labels_from: Where the classes are: of objects and images, or another field of records with one value or a list.
            An image that has a class but no object of it counts as one.

    Example:
        >>> from imagecards.testing.flakes import make_flakes
        >>> import pathlib, tempfile
        >>> flakes = ImageDataset(make_flakes(pathlib.Path(tempfile.mkdtemp()), 12, width=64, height=48).images)
        >>> list(KShot(shots=[1, 2], runs=2).apply(flakes).splits)
        ['1_shot/run_0/train', '1_shot/run_1/train', '2_shot/run_0/train', '2_shot/run_1/train']
    """

    step_name: ClassVar[str] = "k-shot"

    shots: Annotated[
        Sequence[Annotated[int, Field(ge=1, le=10_000)]], Field(min_length=1, max_length=100), AfterValidator(tuple)
    ]
    runs: Annotated[int, Field(ge=1, le=1000)] = 1
    seed: Seed = 0
    mode: Literal["at_least", "exactly"] = "at_least"
    nested: bool = False
    name: SplitName = ""
    of: str | None = None
    labels_from: str = CATEGORIES

    @field_validator("shots")
    @classmethod
    def _once(cls, shots: Sequence[int]) -> Sequence[int]:
        if len(set(shots)) < len(shots):
            raise ValueError(f"{shown(list(shots))} has a number twice: give each once")
        return shots

    def apply(self, dataset: ImageDataset, *others: ImageDataset) -> ImageDataset:
        """Add the sets.

        Raises:
            InvalidInputError: There are too few objects of a class, there is no set with exactly so many, or a name is
                taken.
        """
        rows = pool_of(dataset, self.of)
        check_amount(len(rows), self.runs * len(self.shots))
        labels = labels_of(dataset, self.labels_from)
        self._check_enough(labels, rows)
        names: list[str] = [dataset.names[row] for row in rows]
        counts = [labels.counts[row] for row in rows]
        members: dict[str, list[int]] = {}
        patience = Patience()
        for run in range(self.runs):
            for shot, places in self._choose(names, counts, run, patience):
                name = f"{shot}_shot/run_{run}/train"
                if places is None:
                    raise InvalidInputError(
                        f"no whole images were found that have exactly {shot} of each class for {name}: they may be "
                        'there, but hard to find; use mode="at_least", fewer shots or another seed'
                    )
                members[joined_name(self.name, name)] = sorted(rows[place] for place in places)
        return with_splits(dataset, members)

    def _choose(
        self, names: Sequence[str], counts: Sequence[Mapping[int, int]], run: int, patience: Patience
    ) -> Iterator[tuple[int, list[int] | None]]:
        """The places of the chosen images, for each number of shots of a run."""
        exactly = self.mode == "exactly"
        if self.nested:
            order = draw_order(self.seed, f"k-shot/nested/{run}", names)
            shots = sorted(self.shots)
            choices = nested_choices([counts[place] for place in order], shots, patience, exactly=exactly)
            for shot, chosen in zip(shots, choices, strict=True):
                yield shot, None if chosen is None else [order[place] for place in chosen]
            return
        for shot in self.shots:
            order = draw_order(self.seed, f"k-shot/{shot}/{run}", names)
            choice, found = Choice([counts[place] for place in order], patience), True
            if exactly:
                found = choice.grow_to_exactly(shot)
            else:
                choice.grow_to_at_least(shot)
            yield shot, [order[place] for place in choice.chosen] if found else None

    def _check_enough(self, labels: Labels, rows: Sequence[int]) -> None:
        if not labels.names:
            raise InvalidInputError("no image has a class, so there is nothing to draw shots of: see labels_from")
        wanted = max(self.shots)
        totals = zip(labels.names, labels.totals(rows), strict=True)
        few = sorted(((objects, shown(name)) for name, (_, objects) in totals if objects < wanted))
        if few:
            told = ", ".join(f"{objects:,} of {name}" for objects, name in few[:_MOST_NAMED])
            more = f", and {len(few) - _MOST_NAMED:,} more classes" if len(few) > _MOST_NAMED else ""
            where = "" if self.of is None else f" in {shown(self.of)}"
            message = f"too few of a class: {told}{more}; {wanted:,} of each are wanted{where}"
            raise InvalidInputError(f"{message}: ask for fewer shots, or drop the class first")
