"""One JupyterLab and one headless Chromium for each file of browser tests.

Not for the whole session: while Playwright is on, this thread has a running event loop, and tests
of other folders must not find one.

Chromium is the one that $CHROMIUM names, or chromium or google-chrome on the PATH. Without any the
tests are skipped, but in continuous integration (CI=true) they fail.
"""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

FLAGS = [
    "--no-sandbox",  # Chromium refuses to run as root otherwise
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
SECONDS = 240  # a notebook at the smoke profile takes far less; a busy machine needs patience

# The toolbar says "idle" before the kernel is connected, and run-all would then never answer:
# wait for the session. page.evaluate has no time limit of its own, hence the race.
RUN_ALL = """async (limit) => {
  const panel = window.jupyterapp.shell.currentWidget;
  const late = new Promise(done => setTimeout(() => done('time limit'), limit));
  const work = (async () => {
    await panel.context.ready;
    await panel.sessionContext.ready;
    await panel.sessionContext.session.kernel.info;
    await window.jupyterapp.commands.execute('notebook:run-all-cells');
  })();
  if (await Promise.race([work, late]) === 'time limit') return ['time limit'];
  const code = panel.content.widgets.filter(cell => cell.model.type === 'code');
  const errors = code.flatMap(cell => cell.model.outputs.toJSON())
    .filter(output => output.output_type === 'error')
    .map(output => `${output.ename}: ${output.evalue}`);
  const source = cell => cell.model.sharedModel.source.trim();
  const idle = code.filter(cell => source(cell) && !cell.model.executionCount)
    .map(cell => `not executed: ${source(cell).slice(0, 60)}`);
  return [...errors, ...idle];
}"""


def find_chromium() -> str | None:
    named = os.environ.get("CHROMIUM")
    return (
        shutil.which(named) if named else shutil.which("chromium") or shutil.which("google-chrome")
    )


@pytest.fixture(scope="module")
def browser():
    executable = find_chromium()
    if executable is None:
        reason = "no Chromium: install it (Debian: apt-get install chromium) or set CHROMIUM"
        if os.environ.get("CI", "").lower() in ("true", "1"):
            pytest.fail(reason)
        pytest.skip(reason)
    sync_api = pytest.importorskip("playwright.sync_api")
    sync_api.expect.set_options(timeout=SECONDS * 1000)
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def lab(browser, tmp_path_factory):
    """A running JupyterLab: its address, its token and the folder that it shows."""
    home = tmp_path_factory.mktemp("lab")
    (home / "notebooks").mkdir()
    news = home / "settings" / "@jupyterlab" / "apputils-extension"
    news.mkdir(parents=True)
    (news / "notification.jupyterlab-settings").write_text(
        json.dumps({"fetchNews": "false", "checkForUpdates": False})
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token, log = secrets.token_hex(16), home / "log.txt"
    folders = {
        "IPYTHONDIR": "ipython",
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    }
    environment = os.environ | {name: str(home / folder) for name, folder in folders.items()}
    environment |= {"DLNOTES_PROFILE": "smoke"}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += ["--expose-app-in-browser", "--ip=127.0.0.1", f"--port={port}"]
    command += ["--ServerApp.port_retries=0", f"--IdentityProvider.token={token}"]
    command += [f"--ServerApp.root_dir={home / 'notebooks'}"]
    with log.open("w") as output:
        server = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment
        )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{address}/api?token={token}", server, log)
        yield address, token, home / "notebooks"
    finally:
        server.terminate()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()


def wait_for(address: str, server: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=2)
            return
        except OSError:
            time.sleep(0.25)
    pytest.fail("JupyterLab did not start:\n" + log.read_text()[-4000:])


@pytest.fixture
def run_in_lab(lab, browser):
    """``run_in_lab(path) -> page``: the notebook, opened and run from top to bottom."""
    address, token, root = lab
    pages = []

    def run(path: Path):
        shutil.copy(path, root / path.name)
        page = browser.new_page(viewport={"width": 1300, "height": 950})
        pages.append(page)
        page.set_default_timeout(SECONDS * 1000)
        page.goto(f"{address}/lab/workspaces/{path.stem}/tree/{path.name}?token={token}&reset")
        page.wait_for_function(
            "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel"
        )
        assert page.evaluate(RUN_ALL, SECONDS * 1000) == []
        return page

    yield run
    for page in pages:
        page.close()
