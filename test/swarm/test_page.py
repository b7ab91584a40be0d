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

"""The live page in a real browser: what a person sees, taps and is told."""

from __future__ import annotations

import dataclasses
import itertools
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from page_browser import DESKTOP, PHONE, Browser, browser, why_no_browser
from page_swarm import PageSwarm

from edge_infer.dashboard.feed import Feed
from edge_infer.dashboard.server import DashboardServer
from edge_infer.dashboard.snapshot import CoordinatorView, DroneView, RolloutView, Snapshot
from edge_infer.geometry import LocalFrame

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(why_no_browser() is not None, reason=why_no_browser() or ""),
]
SWARM = PageSwarm(drones=5)


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


@pytest.fixture
def server() -> Iterator[DashboardServer]:
    server = DashboardServer(port=0, feed=Feed(heartbeat_s=0.5))
    server.start()
    yield server
    server.close()


@pytest.fixture
def page(window: Browser, server: DashboardServer) -> Browser:
    """The page, opened at a desk, before the first snapshot."""
    window.look(DESKTOP)
    window.open(server.url)
    window.complaints()
    return window


class Flight:
    """A swarm that flies on in a thread, five snapshots a second."""

    def __init__(self, server: DashboardServer, start_s: float) -> None:
        self._server = server
        self._times = itertools.count(start_s, 0.2)
        self._landed = threading.Event()
        self._thread = threading.Thread(target=self._fly, daemon=True)

    def _fly(self) -> None:
        while not self._landed.is_set():
            self._server.publish(SWARM.snapshot(next(self._times)))
            self._landed.wait(0.2)

    def __enter__(self) -> Flight:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._landed.set()
        self._thread.join()


def wait_for_state(page: Browser, state: str) -> None:
    page.until(lambda: page.state() == state, f"state {state}")


def test_it_waits_for_the_first_drone(page: Browser, server: DashboardServer) -> None:
    wait_for_state(page, "waiting")
    server.publish(dataclasses.replace(SWARM.snapshot(0), drones=(), targets=()))
    page.until(lambda: page.text("#tab-drones") == "0", "an empty swarm")
    assert "Waiting for the first drone" in page.text("#notice")
    server.publish(SWARM.snapshot(1))
    wait_for_state(page, "live")
    assert page.text("#notice") == ""
    assert page.complaints() == []


def test_it_shows_drones_targets_and_figures(page: Browser, server: DashboardServer) -> None:
    snapshot = SWARM.snapshot(30)
    server.publish(snapshot)
    wait_for_state(page, "live")
    assert page.texts("#drone-rows b") == [drone.name for drone in snapshot.drones]
    assert page.texts("#drone-rows .state") == ["alive", "alive", "alive ↻1", "suspect", "dead"]
    first = snapshot.drones[0]
    cells = page.texts("#drone-rows tr:first-child td.num")
    assert cells == [f"{v:.1f}" for v in (first.frame_rate_hz, first.infer_ms, first.sighting_ms)]
    assert page.text("#drone-rows tr:first-child .name .model") == "solar-thermal 0.2.0"
    assert len(page.texts("#target-rows li")) == len(snapshot.targets)
    best = max(snapshot.targets, key=lambda target: target.score)
    page.click('#order [data-order="score"]')
    assert page.text("#target-rows li:first-child .score") == f"{best.score:.2f}"
    figures = dict(
        zip(page.texts("#counters dt"), page.texts("#counters dd:not(.note)"), strict=True)
    )
    assert figures["Targets"] == str(len(snapshot.targets))
    assert figures["Duplicates removed"] == str(snapshot.duplicates_removed)
    assert figures["Replicas"] == "agree"
    assert "drone_5 silent" in page.texts("#counters dd.note")
    assert figures["Frame to target"] == "21.3 ms"
    assert figures["Precision / recall"] == "0.97 / 0.94"
    assert page.complaints() == []


def test_it_shows_a_new_model_going_through_the_fleet(
    page: Browser, server: DashboardServer
) -> None:
    def publish(view: RolloutView | None, *steps: tuple[str, int, float | None]) -> None:
        drones = [
            dataclasses.replace(
                drone, model_release=release, update_state=state, update_progress=progress
            )
            for drone, (state, release, progress) in zip(
                SWARM.snapshot(5).drones, [*steps, *[("IDLE", 5, None)] * 5], strict=False
            )
        ]
        server.publish(dataclasses.replace(SWARM.snapshot(5), drones=tuple(drones), rollout=view))

    def figure() -> tuple[str, str]:
        cell = page.texts("#counters > div:has(dt):last-child dd")
        return cell[0], cell[1]

    publish(None)
    wait_for_state(page, "live")
    assert "New model" not in page.texts("#counters dt")
    view = RolloutView("solar", "0.6.0", 6, "running", 1, 3, ("drone_1",))
    publish(view, ("ON_TRIAL", 6, None), ("DOWNLOADING", 5, 0.4), ("STAGED", 5, 1.0))
    page.until(lambda: "New model" in page.texts("#counters dt"), "the rollout")
    page.until(lambda: figure() == ("wave 1 of 3", "0.6.0 on 1 of 5"), "the first wave")
    steps = ["on trial", "fetching 40 %", "ready", "", ""]
    page.until(lambda: page.texts("#drone-rows .update") == steps, "the drones' steps")
    bad = dataclasses.replace(view, state="aborted", reason="drone_1 sees nothing")
    publish(bad, ("ROLLED_BACK", 5, None))
    page.until(
        lambda: figure() == ("aborted", "0.6.0 on 0 of 5 · drone_1 sees nothing"), "the way back"
    )
    page.until(lambda: page.texts("#drone-rows .update")[0] == "went back", "the drone's way back")
    assert page.complaints() == []


def test_it_follows_the_swarm(page: Browser, server: DashboardServer) -> None:
    with Flight(server, 5.0):
        wait_for_state(page, "live")
        before = len(page.texts("#target-rows li"))
        page.until(lambda: len(page.texts("#target-rows li")) > before, "another target")
        page.until(lambda: "duplicate" in page.text("#activity").lower(), "a duplicate removed")
        first = map_pixels(page)
        page.until(lambda: map_pixels(page) != first, "the map moves")
    assert page.complaints() == []


def test_a_partition_and_its_healing_are_shown(page: Browser, server: DashboardServer) -> None:
    def fly(at_s: float, agree: bool, *standings: tuple[int | None, int | None]) -> None:
        coordinators = tuple(
            CoordinatorView(f"drone_{number}", *standing)
            for number, standing in enumerate(standings, 1)
        )
        server.publish(
            dataclasses.replace(
                SWARM.snapshot(at_s), coordinators=coordinators, replicas_agree=agree
            )
        )

    def replicas_say(*words: str) -> None:
        cell = "#counters div:nth-child(5) dd"
        page.until(lambda: page.texts(cell) == list(words), f"{words}, {page.complaints()}")

    fly(1.0, True, (1, None), (1, None), (1, None))
    wait_for_state(page, "live")
    fly(1.2, False, (1, 0), (1, 0), (2, 40))
    replicas_say("2 parts", "drone_3 cut off")
    page.until(lambda: "Fleet split" in page.text("#activity"), "the split in words")
    assert page.texts("#drone-rows .replica")[:3] == ["", "", "cut off"]
    fly(1.4, False, (1, 0), (1, 0), (1, 1240))
    replicas_say("differ", "1,240 sightings to go")
    assert page.texts("#drone-rows .replica")[:3] == ["", "", "1,240 behind"]
    assert "One truth again" not in page.text("#activity")
    fly(1.6, True, (1, None), (1, None), (1, None))
    page.until(lambda: "One truth again" in page.text("#activity"), "the healing in words")
    fly(1.8, True, (1, None), (None, None), (None, None))
    replicas_say("agree", "drone_2, drone_3 silent")
    assert page.complaints() == []


def map_pixels(page: Browser) -> str:
    return str(page.js("return document.querySelector('#canvas').toDataURL()"))


def test_a_target_tells_where_it_is_and_who_saw_it(page: Browser, server: DashboardServer) -> None:
    snapshot = SWARM.snapshot(30)
    server.publish(snapshot)
    wait_for_state(page, "live")
    page.click("#target-rows li:first-child button")
    target = max(snapshot.targets, key=lambda view: view.first_seen_ns)
    card = page.text("#detail")
    assert target.id in card
    assert f"{target.score:.3f}" in card
    assert f"E {target.x:.2f} m, N {target.y:.2f} m".replace("-", "−") in card
    assert page.texts("#detail .links button") == list(target.sources)
    farm = snapshot.farm
    assert farm
    frame = LocalFrame(farm.latitude_deg, farm.longitude_deg, farm.altitude_m)
    latitude, longitude, _ = frame.to_wgs84((target.x, target.y, 0.0))[0]
    assert f"{latitude:.6f}° N, {-longitude:.6f}° W" in card
    page.click("#detail .links button")
    page.until(lambda: target.sources[0] in page.text("#detail h2"), "the drone's card")
    assert "processed" in page.text("#detail")
    page.click("#detail .close")
    assert page.js("return document.querySelector('#detail').hidden")


def test_a_press_outlives_an_update(page: Browser, server: DashboardServer) -> None:
    with Flight(server, 30.0):
        wait_for_state(page, "live")
        page.click("#target-rows li:first-child button")
        page.js("window.link = document.querySelector('#detail .links button')")
        clock = page.text("#since")
        page.until(lambda: page.text("#since") != clock, "an update")
        assert page.js("return window.link.isConnected")


def test_the_map_answers_mouse_and_keys(page: Browser, server: DashboardServer) -> None:
    from selenium.webdriver import ActionChains, Keys

    drone = DroneView("lonely", 0.0, 0.0, 20.0, 0.0)
    server.publish(Snapshot(1, 1.0, drones=(drone,)))
    wait_for_state(page, "live")
    canvas = page.driver.find_element("css selector", "#canvas")
    page.until(lambda: point_at_middle(page, canvas), "the pointer over the drone")
    ActionChains(page.driver).click().perform()
    page.until(lambda: page.text("#detail h2") == "lonely", "the drone's card")
    canvas.send_keys(Keys.ESCAPE)
    assert page.js("return document.querySelector('#detail').hidden")
    for key in ("+", Keys.ARROW_LEFT, "0"):
        before = map_pixels(page)
        canvas.send_keys(key)
        page.until(lambda before=before: map_pixels(page) != before, f"the map after {key!r}")


def point_at_middle(page: Browser, canvas: object) -> bool:
    """Move to the middle of what the map leaves free; whether there is something to pick."""
    from selenium.webdriver import ActionChains

    x, y = (40 - 72) // 2, (48 - 36) // 2
    ActionChains(page.driver, duration=0).move_to_element_with_offset(canvas, x, y).perform()
    return bool(page.js("return document.querySelector('#canvas').style.cursor") == "pointer")


def test_one_class_can_be_singled_out(page: Browser, server: DashboardServer) -> None:
    snapshot = SWARM.snapshot(30)
    server.publish(snapshot)
    wait_for_state(page, "live")
    page.click("#chips button")
    names = set(page.texts("#target-rows .title"))
    assert len(names) == 1
    page.click("#chips button")
    assert len(page.texts("#target-rows li")) == len(snapshot.targets)


def test_it_says_that_the_connection_is_lost_and_comes_back(
    page: Browser, server: DashboardServer
) -> None:
    server.publish(SWARM.snapshot(20))
    wait_for_state(page, "live")
    port = urlsplit(server.url).port
    server.close()
    wait_for_state(page, "lost")
    assert page.text("#status") == "Connection lost"
    assert "Trying again" in page.text("#retry")
    assert "Failed to load" in " ".join(page.complaints()) or page.complaints() == []
    again = DashboardServer(port=port)
    again.start()
    again.publish(SWARM.snapshot(2))
    wait_for_state(page, "live")
    assert len(page.texts("#target-rows li")) == len(SWARM.snapshot(2).targets)
    again.close()


def test_silence_is_shown(page: Browser, server: DashboardServer) -> None:
    server.publish(SWARM.snapshot(20))
    wait_for_state(page, "live")
    wait_for_state(page, "stale")
    assert page.text("#status") == "No news"


def test_an_ended_run_is_summed_up_and_stays(page: Browser, server: DashboardServer) -> None:
    server.publish(SWARM.snapshot(60, finished=True))
    wait_for_state(page, "ended")
    assert "Run finished" in page.text("#notice")
    assert "97.0 % / 94.0 %" in page.text("#notice")
    server.close()
    page.until(lambda: page.complaints() != [], "the first attempt to connect again")
    assert page.state() == "ended"
    page.click("#notice button")
    assert page.text("#notice") == ""


@pytest.mark.parametrize("dark", [True, False], ids=["dark", "light"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_it_fits_the_screen(
    page: Browser, server: DashboardServer, size: tuple[int, int], dark: bool
) -> None:
    page.look(size, dark=dark)
    page.open(server.url)
    with Flight(server, 28.0):
        wait_for_state(page, "live")
        assert page.overflow_px() == 0
        if size == PHONE:
            page.click("#tabs [data-tab='targets']")
        page.click("#target-rows li:first-child button")
        page.until(lambda: "Seen by" in page.text("#detail"), "the target's card")
        assert page.overflow_px() == 0
    background = page.js("return getComputedStyle(document.body).backgroundColor")
    assert (max(map(int, background[4:-1].split(","))) < 60) is dark
    assert page.complaints() == []


def test_the_map_follows_a_change_of_theme(page: Browser, server: DashboardServer) -> None:
    server.publish(SWARM.snapshot(20))
    wait_for_state(page, "live")
    page.until(lambda: corner_of_map(page) < 60, "a dark map")
    page.look(DESKTOP, dark=False)
    page.until(lambda: corner_of_map(page) > 200, "a light map")


def corner_of_map(page: Browser) -> int:
    """Brightness of the ground."""
    script = "document.querySelector('#canvas').getContext('2d').getImageData(3, 3, 1, 1).data[0]"
    return int(page.js(f"return {script}"))


def test_it_loads_nothing_from_elsewhere(page: Browser, server: DashboardServer) -> None:
    server.publish(SWARM.snapshot(20))
    wait_for_state(page, "live")
    requested = page.requested()
    assert f"{server.url}/static/app.js" in requested
    assert {url for url in requested if not url.startswith(f"{server.url}/")} == set()


def test_hostile_names_stay_text(page: Browser, server: DashboardServer) -> None:
    name = "<img src=x onerror=alert(1)>"
    drone = DroneView(name, float("nan"), 0.0, 0.0, 0.0, model_name=name)
    server.publish(Snapshot(1, 1.0, drones=(drone,)))
    wait_for_state(page, "live")
    assert page.texts("#drone-rows b") == [name]
    page.click("#drone-rows button")
    assert "no pose yet" in page.text("#detail")
    assert page.js("return document.querySelectorAll('img[onerror]').length") == 0
    assert page.complaints() == []


def test_fingers_pan_and_pinch_the_map(page: Browser, server: DashboardServer) -> None:
    page.look(PHONE)
    page.open(server.url)
    drone = DroneView("lonely", 0.0, 0.0, 20.0, 0.0)
    server.publish(Snapshot(1, 1.0, drones=(drone,), farm=SWARM.farm))
    wait_for_state(page, "live")
    box = page.js("return document.querySelector('#canvas').getBoundingClientRect().toJSON()")
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for gesture in (
        [[(x, y)], [(x + 60, y)]],
        [[(x - 20, y), (x + 20, y)], [(x - 90, y), (x + 90, y)]],
    ):
        before = settled_map(page)
        touch(page, gesture)
        page.until(lambda before=before: map_pixels(page) != before, "the map after a gesture")
        assert page.js("return scrollY") == 0, "the map moves, the page does not"


def settled_map(page: Browser) -> str:
    """The map once nothing on it moves."""
    seen: list[str] = []

    def still() -> bool:
        seen.append(map_pixels(page))
        return len(seen) > 3 and len(set(seen[-3:])) == 1

    page.until(still, "a map at rest")
    return seen[-1]


def touch(page: Browser, steps: list[list[tuple[float, float]]]) -> None:
    """Fingers go down at the first step, follow the others, and lift."""
    for kind, points in zip(("touchStart", "touchMove"), steps, strict=True):
        fingers = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
        page.driver.execute_cdp_cmd(
            "Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers}
        )
    page.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
