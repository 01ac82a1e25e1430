"""Splits: named parts of a dataset, drawn in a way that any machine repeats."""

from collections.abc import Mapping
from types import MappingProxyType

from imagecards.datasets import Step
from imagecards.splits.balance import Balance, BalanceRow, balance
from imagecards.splits.from_column import FromColumn
from imagecards.splits.from_csv import FromCsv
from imagecards.splits.from_folders import FromFolders
from imagecards.splits.grouping import Function, GroupBy, Pattern, groups_of, register_group
from imagecards.splits.holdout import Holdout
from imagecards.splits.kfold import KFold
from imagecards.splits.kshot import KShot
from imagecards.splits.leak_report import Leak, LeakReport
from imagecards.splits.leaks import find_identical_bytes, find_leaks
from imagecards.splits.members import check_members
from imagecards.splits.one_plan import OnePlan
from imagecards.splits.statistics import SplitCounts, SplitStatistics, split_statistics
from imagecards.splits.without_splits import WithoutSplits

STEPS: Mapping[str, type[Step]] = MappingProxyType(
    {step.step_name: step for step in (FromColumn, FromCsv, FromFolders, Holdout, KFold, KShot, OnePlan, WithoutSplits)}
)
"""The kinds of splits, by the name that cards call them."""

__all__ = [
    "STEPS",
    "Balance",
    "BalanceRow",
    "FromColumn",
    "FromCsv",
    "FromFolders",
    "Function",
    "GroupBy",
    "Holdout",
    "KFold",
    "KShot",
    "Leak",
    "LeakReport",
    "OnePlan",
    "Pattern",
    "SplitCounts",
    "SplitStatistics",
    "WithoutSplits",
    "balance",
    "check_members",
    "find_identical_bytes",
    "find_leaks",
    "groups_of",
    "register_group",
    "split_statistics",
]
