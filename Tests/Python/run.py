#!/usr/bin/env python3
"""Runs the Python tests against a built `flywheel`.

    run.py --flywheel .build/release/flywheel [--full] [PATTERN…]

A pattern picks tests by a part of `module.Class.test_name`. Real MNIST is used if the environment
variable FLYWHEEL_MNIST names its folder.
"""

import argparse
import os
import signal
import sys
import time
import unittest
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from support import settings  # noqa: E402  (the variables above must be set before numpy loads)


class Report(unittest.TestResult):
    """One line for each test, its sentence first."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0
        self.failed: dict[str, list[str]] = {}
        self._module = None

    def startTest(self, test) -> None:
        super().startTest(test)
        module = type(test).__module__
        if module != self._module:
            print(f"\n{module}", flush=True)
            self._module = module
        self._start = time.monotonic()
        self._skipped_reason = None

    def addSkip(self, test, reason) -> None:
        super().addSkip(test, reason)
        self._skipped_reason = reason

    def addError(self, test, error) -> None:
        self._add_failure(test, error)

    def addFailure(self, test, error) -> None:
        self._add_failure(test, error)

    def addSubTest(self, test, subtest, error) -> None:
        if error is not None:
            self._add_failure(test, error, f"{subtest._subDescription()}\n")

    def _add_failure(self, test, error, prefix: str = "") -> None:
        text = prefix + self._exc_info_to_string(error, test)
        self.failed.setdefault(test.id(), []).append(text)
        if not isinstance(test, unittest.TestCase):  # a class or module that could not be set up
            print(f"  FAIL {test.id()}\n{text}", flush=True)

    def stopTest(self, test) -> None:
        super().stopTest(test)
        seconds = time.monotonic() - self._start
        if test.id() in self.failed:
            word = "FAIL"
        elif self._skipped_reason is not None:
            word = "skip"
        else:
            word = "ok"
            self.passed += 1
        print(f"  {word:4} {sentence(test)}  ({seconds:.1f} s)", flush=True)
        for text in self.failed.get(test.id(), []):
            print("       " + text.strip().replace("\n", "\n       "), flush=True)


def sentence(test) -> str:
    return test._testMethodName.removeprefix("test_").replace("_", " ")


def tests_in(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from tests_in(item)
        else:
            yield item


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flywheel", required=True, type=Path, help="the binary to test")
    parser.add_argument("--full", action="store_true", help="run what is too slow for CI, too")
    parser.add_argument("patterns", nargs="*", metavar="PATTERN", help="part of a test's name")
    arguments = parser.parse_args()
    if not os.access(arguments.flywheel, os.X_OK):
        parser.error(f"there is no program at {arguments.flywheel}; build it first")
    settings.flywheel = arguments.flywheel.resolve()
    settings.full = arguments.full
    # A shell's background job ignores it, and so would every binary that is started here.
    signal.signal(signal.SIGINT, signal.default_int_handler)

    # After the settings, which decide what is skipped.
    folder = Path(__file__).resolve().parent
    suite = unittest.TestLoader().discover(str(folder), "test_*.py", top_level_dir=str(folder))
    chosen = [
        test
        for test in tests_in(suite)
        if not arguments.patterns or any(part in test.id() for part in arguments.patterns)
    ]
    report = Report()
    start = time.monotonic()
    unittest.TestSuite(chosen).run(report)

    if report.skipped:
        print("\nskipped:")
        for test, reason in report.skipped:
            print(f"  {test.id()}: {reason}")
    if report.failed:
        print("\nfailed:")
        for name in report.failed:
            print(f"  {name}")
    print(f"\n{time.monotonic() - start:.0f} s")
    print(f"{report.passed} passed, {len(report.failed)} failed, {len(report.skipped)} skipped")
    if not report.passed and not report.failed:
        print("no test ran", file=sys.stderr)
    return 0 if report.passed and not report.failed else 1


if __name__ == "__main__":
    sys.exit(main())
