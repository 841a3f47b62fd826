"""Open a page in Chromium, act on it by a script, and return what the script found."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

WATCH = """<script>
const problems = [];
addEventListener("error", (event) => problems.push(event.message));
addEventListener("unhandledrejection", (event) => problems.push(String(event.reason?.stack ?? event.reason)));
addEventListener("securitypolicyviolation", (event) => problems.push("blocked: " + event.blockedURI));
for (const kind of ["error", "warn"]) console[kind] = (...words) => problems.push(words.join(" "));
</script>"""

ACT = """<script>
addEventListener("load", async () => {
  const found = {};
  const until = async (condition) => {
    for (let tries = 0; tries < 900 && !condition(); tries++) await new Promise((done) => setTimeout(done, 50));
    if (!condition()) throw new Error(`waited in vain for ${condition}`);
  };
  try { %s } catch (error) { problems.push(String(error.stack)); }
  const report = document.createElement("pre");
  report.id = "found";
  report.textContent = JSON.stringify({ found, problems });
  document.body.append(report);
});
</script></body>"""


def act(page: Path, folder: Path, script: str, width: int = 1280) -> tuple[dict[str, Any], list[str]]:
    """Run a script in a page that was opened from disk, and return what it put into `found`, and all problems.

    Parameters
    ----------
    page
        The page.
    folder
        Folder for a copy of the page with the script, and for the browser's profile.
    script
        Body of an asynchronous function; `await until(condition)` waits.
    width
        Width of the window in pixels.
    """
    text = page.read_text(encoding="utf-8").replace("<title>", f"{WATCH}<title>", 1)
    copy = folder / f"acted_{width}.html"
    copy.write_text(text.replace("</body>", ACT % script), encoding="utf-8")
    assert CHROMIUM is not None
    options = (
        "--headless", "--no-sandbox", "--disable-dev-shm-usage", "--enable-unsafe-swiftshader", "--hide-scrollbars",
        f"--user-data-dir={folder / 'profile'}", f"--window-size={width},900", "--virtual-time-budget=60000",
    )  # fmt: skip
    ran = subprocess.run(
        [CHROMIUM, *options, "--dump-dom", copy.as_uri()], capture_output=True, text=True, timeout=300, check=False
    )
    answer = re.search(r'<pre id="found">(.*?)</pre>', ran.stdout, re.DOTALL)
    assert answer, ran.stderr
    content = json.loads(html.unescape(answer[1]))
    return content["found"], content["problems"]
