# Copyright 2026 The edge_infer maintainers
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""A headless Chromium that looks at the live page, for tests and for pictures.

``python test/swarm/page_browser.py URL PICTURE.png [--phone] [--light] [--wait S]``
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

DESKTOP = (1440, 900)
PHONE = (390, 844)
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
T = TypeVar("T")


def why_no_browser() -> str | None:
    """What is missing to drive a browser; None when nothing is."""
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        return "needs chromium and chromedriver (Debian: chromium-driver)"
    try:
        import selenium  # noqa: F401
    except ImportError:
        return "needs selenium (pip install -e .[test])"
    return None


class Browser:
    """One window."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def look(self, size: tuple[int, int] = DESKTOP, *, dark: bool = True) -> None:
        """Take the size of a device and its theme; PHONE has a touch screen."""
        phone = size == PHONE
        command = self.driver.execute_cdp_cmd
        command(
            "Emulation.setDeviceMetricsOverride",
            {
                "width": size[0],
                "height": size[1],
                "deviceScaleFactor": 2 if phone else 1,
                "mobile": phone,
            },
        )
        command("Emulation.setTouchEmulationEnabled", {"enabled": phone})
        theme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        command("Emulation.setEmulatedMedia", {"features": [theme]})

    def open(self, url: str) -> None:
        self.driver.get(url)

    def js(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def texts(self, selector: str) -> list[str]:
        script = "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)"
        return list(self.js(script, selector))

    def text(self, selector: str) -> str:
        return " ".join(self.texts(selector))

    def click(self, selector: str) -> None:
        """As a mouse does, where the element is."""
        self.driver.find_element("css selector", selector).click()

    def until(self, condition: Callable[[], T], what: str, deadline_s: float = 15.0) -> T:
        """Wait for something to be true."""
        end = time.monotonic() + deadline_s
        while time.monotonic() < end:
            if value := condition():
                return value
            time.sleep(0.05)
        raise AssertionError(f"after {deadline_s} s still not: {what}; {self.text('body')[:400]}")

    def state(self) -> str:
        return str(self.js("return document.body.dataset.state"))

    def complaints(self) -> list[str]:
        """What the console says since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def overflow_px(self) -> int:
        """By how much the page is wider than the window."""
        return int(self.js("return document.documentElement.scrollWidth - innerWidth"))

    def requested(self) -> set[str]:
        """Addresses of everything that the page loaded."""
        script = "return performance.getEntriesByType('resource').map(e => e.name)"
        return set(self.js(script))

    def picture(self, path: str) -> None:
        self.driver.save_screenshot(path)


@contextmanager
def browser() -> Iterator[Browser]:
    """A fresh Chromium with a profile of its own."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or ""
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        try:
            yield Browser(driver)
        finally:
            driver.quit()


def main() -> None:
    parser = argparse.ArgumentParser(description="Take a picture of the live page.")
    parser.add_argument("url")
    parser.add_argument("picture")
    parser.add_argument("--phone", action="store_true")
    parser.add_argument("--light", action="store_true")
    parser.add_argument("--wait", type=float, default=10.0, help="seconds before the picture")
    arguments = parser.parse_args()
    with browser() as window:
        window.look(PHONE if arguments.phone else DESKTOP, dark=not arguments.light)
        window.open(arguments.url)
        time.sleep(arguments.wait)
        window.picture(arguments.picture)


if __name__ == "__main__":
    main()
