"""The pytest plugin: collects `*.scenario.yaml`, one test for each scene x seed x parameters x repeat.

Every pytest of everyone who has avi-env imports this module: it imports nothing before there is a scenario to collect.

Where `repeat: {n: 5, pass: 3}` asks for some of several repeats, each repeat is a test that counts as expected to
fail (xfail) when it does not pass, and one more test, "name 3 of 5", is the judge. Under pytest-xdist the repeats carry
an `xdist_group`, so that `--dist loadgroup` keeps them beside their judge; a judge plays what it has not seen.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from avi_env.scenario.cases import Case
    from avi_env.scenario.document import Scenario
    from avi_env.scenario.findings import CaseReport

SUFFIX = ".scenario.yaml"
"""Files that are scenarios."""


class ScenarioFailure(Exception):
    """A case that did not pass; its text says why and where to look."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options --scenario-agent, -device, -report, -film and -replies."""
    group = parser.getgroup("scenario", "avi-env scenario tests")
    group.addoption("--scenario-agent", default="", metavar="NAME", help="who plays; default: as the scenario says")
    group.addoption("--scenario-device", default="cpu", metavar="DEVICE", help='"cpu" (default) or "cuda"')
    group.addoption("--scenario-report", metavar="DIR", help="folder for traces, and for a page of each failed case")
    group.addoption("--scenario-film", action="store_true", help="put the video with binaural sound into the pages")
    group.addoption(
        "--scenario-replies",
        choices=("auto", "replay", "record", "off"),
        default="auto",
        help="replies of a language model: replay the recorded ones and never ask; record them; off = ask; "
        "auto (default) = replay where there are recorded ones, else ask",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Registers the marker that all scenarios carry."""
    config.addinivalue_line("markers", "scenario: a case of a *.scenario.yaml file (avi-env)")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ScenarioFile | None:
    """Collects scenario files."""
    if not file_path.name.endswith(SUFFIX):
        return None
    file: ScenarioFile = ScenarioFile.from_parent(parent, path=file_path)
    return file


class ScenarioFile(pytest.File):
    """A scenario file; what is wrong with it is told with line and column."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yields a test for each case, and judges of sweep points of which some repeats must pass."""
        from avi_env.scenario.cases import cases
        from avi_env.scenario.located import ScenarioError
        from avi_env.scenario.reading import load_scenario

        try:
            scenario = load_scenario(self.path)
            found = cases(scenario)
        except ScenarioError as error:
            raise self.CollectError(str(error)) from None
        for tag in scenario.tags:  # --strict-markers wants to know them
            self.config.addinivalue_line("markers", f"{tag}: tag of scenarios")
        needed = scenario.repeat.passes_needed
        for k, case in enumerate(found):
            yield _marked(CaseItem.from_parent(self, name=case.id, case=case), scenario, case)
            last = k + 1 == len(found) or found[k + 1].point != case.point
            if last and needed < scenario.repeat.n:
                siblings = [one for one in found if one.point == case.point]
                name = f"{case.point} {needed} of {len(siblings)}"
                yield _marked(JudgeItem.from_parent(self, name=name, siblings=siblings), scenario, case)


def _marked(item: Any, scenario: Scenario, case: Case) -> pytest.Item:
    for name in ("scenario", *scenario.tags):
        item.add_marker(name)
    if scenario.repeat.n > 1 and item.config.pluginmanager.hasplugin("xdist"):
        item.add_marker(pytest.mark.xdist_group(f"{scenario.path}::{case.point}"))
    kept: pytest.Item = item
    return kept


_PLAYED = pytest.StashKey[dict[str, "CaseReport"]]()


class _Item(pytest.Item):
    """What both kinds of tests share."""

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Returns a failure's text instead of a traceback through this package."""
        if isinstance(excinfo.value, ScenarioFailure):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def played(self, case: Case) -> CaseReport:
        """Returns what came of a case, played at most once in this process."""
        from avi_env.scenario.jobs import Job, play

        kept = self.config.stash.setdefault(_PLAYED, {})
        known = f"{self.path}::{case.id}"
        if known not in kept:
            option = self.config.getoption
            folder = option("--scenario-report")
            if folder is not None:
                Path(folder).mkdir(parents=True, exist_ok=True)
            kept[known] = play(
                Job(
                    case,
                    option("--scenario-agent"),
                    option("--scenario-device"),
                    option("--scenario-replies"),
                    Path(folder) if folder is not None else None,
                    film=option("--scenario-film"),
                )
            )
        return kept[known]


class CaseItem(_Item):
    """One case as a test."""

    def __init__(self, *, case: Case, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.case = case

    def runtest(self) -> None:
        """Plays the case; fails where it does not pass, and warns of what is only to be warned of."""
        from avi_env.scenario.findings import failure_words, finding_words
        from avi_env.scenario.junit import report_properties
        from avi_env.scenario.reading import ScenarioWarning

        report = self.played(self.case)
        self.user_properties.extend(report_properties(report))
        for finding in report.warnings:
            warnings.warn(ScenarioWarning(finding_words(finding)), stacklevel=1)
        repeat = self.case.scenario.repeat
        if repeat.passes_needed < repeat.n and report.outcome != "error":
            if report.outcome != "pass":
                pytest.xfail(f"{repeat.passes_needed} of {repeat.n} must pass\n{failure_words(report)}")
            return  # its judge says what that means
        _conclude(self.case.scenario, [report], report.outcome, failure_words(report))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Returns where the scenario is."""
        return self.path, 0, self.name


class JudgeItem(_Item):
    """Whether enough repeats of a case pass."""

    def __init__(self, *, siblings: list[Case], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.siblings = siblings

    def runtest(self) -> None:
        """Counts the repeats that pass; plays those that this process has not seen."""
        from avi_env.scenario.findings import failure_words, repeats_outcome

        reports = [self.played(case) for case in self.siblings]
        needed = self.siblings[0].scenario.repeat.passes_needed
        outcomes = [report.outcome for report in reports]
        told = f"{outcomes.count('pass')} of {len(outcomes)} passed, {needed} must"
        self.user_properties.append(("repeats", told))
        words = [failure_words(report) for report in reports if report.outcome != "pass"]
        outcome = repeats_outcome(outcomes, needed)
        _conclude(self.siblings[0].scenario, reports, outcome, "\n\n".join([told, *words]))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Returns where the scenario is."""
        return self.path, 0, self.name


def _conclude(scenario: Scenario, reports: Sequence[CaseReport], outcome: str, words: str) -> None:
    """Passes, fails or expects to fail: a baseline of `expect_fail` must violate an expectation, as in `check`."""
    from avi_env.scenario.findings import trivial_words

    if reports[0].agent in scenario.expect_fail and outcome != "error":
        trivial = [trivial_words(report) for report in reports]
        if outcome == "pass" or all(trivial):
            raise ScenarioFailure("\n".join(filter(None, trivial)))
        pytest.xfail(f"{reports[0].agent} is not meant to pass {scenario.name}")
    if outcome != "pass":
        raise ScenarioFailure(words)
