"""What a rule is: of which notebooks it is asked, and what it must find and leave alone."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from notebooks.page import Page

Faults = Iterator[str]
Change = Callable[[Path], None]  # of a good chapter; see changes.py

CHAPTERS = frozenset({"chapter"})
PAGES = CHAPTERS | {"start"}  # the start page teaches no architecture
EVERYWHERE = PAGES | {"solutions"}
RULES: list["Rule"] = []


@dataclass(frozen=True)
class Rule:
    """One rule; calling it yields the faults of a page."""

    check: Callable[[Page], Faults]
    asked_of: frozenset[str]
    broken_by: tuple[Change, ...]
    kept_by: tuple[Change, ...]

    @property
    def name(self) -> str:
        """Name of the rule: that of its function."""
        return self.check.__name__

    @property
    def file(self) -> str:
        """Name of the file that it stands in."""
        return self.check.__module__.rsplit(".", 1)[-1]

    def __call__(self, page: Page) -> Faults:
        return self.check(page)


def rule(
    asked_of: frozenset[str], *, broken_by: list[Change], kept_by: list[Change] = ()
) -> Callable[[Callable[[Page], Faults]], Rule]:
    """Make a rule of a function that yields the faults of a page.

    Args:
        asked_of: CHAPTERS, PAGES or EVERYWHERE.
        broken_by: changes of a good chapter after which this rule, and no other, finds a fault.
        kept_by: changes after which no rule does.

    Raises:
        ValueError: nothing breaks it, or the name is taken.
    """

    def decorate(check: Callable[[Page], Faults]) -> Rule:
        made = Rule(check, asked_of, tuple(broken_by), tuple(kept_by))
        if not broken_by:
            raise ValueError(f"rule {made.name} must have a change that breaks it")
        if made.name in [known.name for known in RULES]:
            raise ValueError(f"rule {made.name} stands there twice")
        RULES.append(made)
        return made

    return decorate


def rules_of(page: Page) -> list[Rule]:
    """Return the rules that a page must keep."""
    return [known for known in RULES if page.kind in known.asked_of]


def faults(path: Path) -> list[str]:
    """Return every fault of a notebook, each starting with the name of its rule."""
    page = Page.open(path)
    return [f"{known.name}: {fault}" for known in rules_of(page) for fault in known(page)]
