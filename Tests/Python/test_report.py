"""The page that `flywheel diff --report` writes: its structure, and how a browser lays it out."""

import html.parser
import json
import re
import shutil
import subprocess
import unittest

import numpy as np

from support import TestCase, only_full, write_structured

VOID = {"meta", "br", "wbr", "link", "img", "input", "hr"}
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Page(html.parser.HTMLParser):
    """A page's elements; a tag that does not match another is a failure."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict, tuple]] = []
        self.text = ""
        self._texts: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes), tuple(self._open)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes), tuple(self._open)))

    def handle_endtag(self, tag):
        assert self._open and self._open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data):
        if self._open and "style" not in self._open:
            self.text += data
            self._texts.append((self._open[-1], data))

    def all(self, tag: str) -> list[dict]:
        return [attributes for name, attributes, _ in self.elements if name == tag]

    def texts(self, tag: str) -> list[str]:
        return [text for name, text in self._texts if name == tag]


class ReportTestCase(TestCase):
    def trained(self, *arguments, name="run", epochs: int = 4):
        data = self.folder / "data"
        if not data.exists():
            write_structured(data, 60, 4, 3)
        return self.train(
            "--data", data, "--layers", "16-5-3", "--batch-size", 10, "--seed", 1, "--keep", 100,
            "--epochs", epochs, "--trace", "0:6", *arguments, run=self.path(name),
        )  # fmt: skip

    def report(self, first, second, *arguments, status: int = 1):
        path = self.path("report").with_suffix(".html")
        self.flywheel("diff", first, second, "--quiet", "--report", path, *arguments, status=status)
        return path


class Structure(ReportTestCase):
    def check(self, path) -> Page:
        text = path.read_text()
        page = Page(text)
        # Nothing is fetched, and nothing runs.
        self.assertNotRegex(text, r"(?i)https?:|//[a-z]|\bsrc\s*=|url\s*\(|@import|<script|<link|<iframe")
        self.assertNotRegex(text, r"(?i)<[^>]*\son[a-z]+\s*=")
        ids = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
        self.assertEqual(len(ids), len(set(ids)))
        for link in page.all("a"):
            self.assertIn(link["href"].removeprefix("#"), ids)
        for heading in page.all("th"):
            self.assertIn(heading["scope"], ("col", "row"))
        self.assertEqual(len(page.all("table")), len(page.all("caption")))
        for drawing in page.all("svg"):
            self.assertEqual(drawing["role"], "img")
            self.assertTrue(drawing["aria-label"])
        self.assertEqual(page.all("html"), [{"lang": "en"}])
        return page

    def test_two_runs_make_a_page_with_everything(self):
        one = self.trained("--learning-rate", 0.1)
        other = self.trained("--learning-rate", 0.11)
        page = self.check(self.report(one, other))
        titles = ["What was compared", "Where they part", "Difference of each tensor",
                  "Differences by size", "Metrics of both", "Settings side by side", "All tensors"]  # fmt: skip
        self.assertEqual(page.texts("h2"), titles)
        self.assertEqual(page.texts("a")[1:], titles)
        self.assertIn("Different: ", page.text)
        self.assertIn("learning_rate differs: 0.1 in A, 0.11 in B.", page.text)

    def test_two_traces_say_the_cause(self):
        one = self.trained("--momentum", 0.9) / "trace-0.h5"
        other = self.trained("--momentum", 0.8) / "trace-0.h5"
        page = self.check(self.report(one, other))
        self.assertIn("the update rule or its numbers differ", page.text)

    def test_equal_runs_make_equal_pages_without_charts_of_nothing(self):
        run = self.trained()
        shutil.copytree(run, self.folder / "copy")
        first = self.report(run, self.folder / "copy", status=0)
        second = self.report(run, self.folder / "copy", status=0)
        self.assertEqual(first.read_bytes(), second.read_bytes())
        page = self.check(first)
        self.assertIn("Same: ", page.text)
        self.assertIn("bit for bit", page.text)

    def test_the_histograms_count_every_element_of_what_differs(self):
        rng = np.random.default_rng(3)
        a = rng.normal(size=1000)
        b = a.copy()
        b[:40] += 1e-3
        b[40:43] = np.nan
        np.savez(self.folder / "a.npz", w=a)
        np.savez(self.folder / "b.npz", w=b)
        text = self.report(self.folder / "a.npz", self.folder / "b.npz").read_text()
        self.check(self.report(self.folder / "a.npz", self.folder / "b.npz"))
        delta = np.abs(a[:40] - b[:40])
        expected = {
            "equal": 957,
            "from 1e-4 to 1e-3": np.count_nonzero(delta < 1e-3),
            "from 1e-3 to 1e-2": np.count_nonzero(delta >= 1e-3),
            "not finite": 3,
        }
        for name, count in expected.items():
            if count:
                self.assertRegex(text, rf"<title>{name}[^<:]*: {count}</title>")

    def test_names_from_files_stay_names(self):
        name = "</td></table><script>alert(1)</script><img src=x onerror=\"y\">"
        np.savez(self.folder / "a.npz", **{name: np.zeros(3)})
        np.savez(self.folder / "b.npz", **{name: np.ones(3)})
        path = self.report(self.folder / "a.npz", self.folder / "b.npz")
        page = Page(path.read_text())
        self.assertEqual(page.all("script") + page.all("img"), [])
        self.assertIn(name, page.text)

    def test_a_report_replaces_a_report_but_no_directory(self):
        a = self.folder / "a.npz"
        np.savez(a, w=np.zeros(3))
        page = self.folder / "page.html"
        page.write_text("old")
        self.flywheel("diff", a, a, "--report", page)
        self.assertTrue(page.read_text().startswith("<!DOCTYPE html>"))
        folder = self.folder / "folder.html"
        folder.mkdir()
        result = self.flywheel("diff", a, a, "--report", folder, status=2)
        self.assert_error(result, str(folder))
        self.assertEqual(list(folder.iterdir()), [])
        wrong = self.flywheel("diff", a, a, "--report", "page.txt", status=64)
        self.assertIn("file.html", wrong.stderr)


# What a browser makes of the page: how wide it is, the colour of its ground, how many drawings are shown,
# and texts that reach out of their drawing. A window has a least width, so the page lies in a frame, whose
# title --dump-dom shows.
MEASURE = """
<script>
const shown = [...document.querySelectorAll('svg')].filter(svg => svg.getClientRects().length);
const outside = shown.flatMap(svg => [...svg.querySelectorAll('text')].filter(text => {
  const box = text.getBBox(), view = svg.viewBox.baseVal;
  return box.x < -0.5 || box.y < -0.5 || box.x + box.width > view.width + 0.5 ||
    box.y + box.height > view.height + 0.5;
}).map(text => text.textContent));
const report = {
  width: document.documentElement.scrollWidth, window: window.innerWidth,
  ground: getComputedStyle(document.body).backgroundColor, drawings: shown.length, outside,
};
parent.postMessage(JSON.stringify(report), '*');
</script>
"""


FRAME = """<!DOCTYPE html><meta name="color-scheme" content="light dark"><title></title>
<script>addEventListener('message', event => { document.title = event.data; });</script>
<iframe src="measured.html" style="border: 0; width: %dpx; height: 900px"></iframe>
"""


@only_full("it starts a browser")
@unittest.skipUnless(CHROMIUM, "there is no Chromium here")
class Browser(ReportTestCase):
    GROUNDS = {"light": "rgb(255, 255, 255)", "dark": "rgb(21, 24, 28)"}

    def open(self, path, width: int, scheme: str) -> dict:
        measured = path.read_text().replace("</body>", MEASURE + "</body>")
        (self.folder / "measured.html").write_text(measured)
        frame = self.folder / "frame.html"
        frame.write_text(FRAME % width)
        process = subprocess.run(
            [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1400,1000",
             f"--user-data-dir={self.folder / 'profile'}", "--virtual-time-budget=5000",
             f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}",
             "--dump-dom", f"file://{frame}"],
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        title = re.search(r"<title>(.*?)</title>", process.stdout, re.DOTALL)
        self.assertTrue(title and title[1], process.stderr[-2000:])
        return json.loads(html.unescape(title[1]))

    def test_the_page_fits_every_window_in_light_and_dark(self):
        one = self.trained("--learning-rate", 0.1, name="a-run-with-quite-a-long-name" * 3)
        other = self.trained("--learning-rate", 0.11, "--rule", "keras")
        pages = {
            "runs": self.report(one, other),
            "traces": self.report(one / "trace-0.h5", other / "trace-0.h5"),
        }
        for name, path in pages.items():
            drawings = {}
            for width in (1280, 390):
                for scheme, ground in self.GROUNDS.items():
                    with self.subTest(page=name, width=width, scheme=scheme):
                        found = self.open(path, width, scheme)
                        self.assertEqual(found["window"], width)
                        self.assertLessEqual(found["width"], width)
                        self.assertEqual(found["ground"], ground)
                        self.assertEqual(found["outside"], [])
                        drawings.setdefault(width, found["drawings"])
            # Each drawing is shown once: the wide one, or the narrow one.
            self.assertEqual(drawings[1280], drawings[390])
            self.assertGreater(drawings[390], 2)
