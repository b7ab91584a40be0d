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

"""Under a real ROS 2: the launch file, the ros2 commands, and drones of both kinds in one swarm.

Needs both packages built and sourced: `colcon build --base-paths . edge_infer_msgs`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from ros_commands import NEEDS_ROS, launched, ros2, until

from edge_infer.models.bundle import shipped

pytestmark = NEEDS_ROS


def targets_of(env: dict[str, str], drone: str) -> Any:
    """What one coordinator answers to `ros2 service call`."""
    answer = ros2(
        env,
        *("service", "call", f"/{drone}/coordinator/get_targets"),
        "edge_infer_msgs/srv/GetTargets",
    )
    return answer.split("response:")[1]


def digests(env: dict[str, str], drones: list[str]) -> set[str]:
    return {targets_of(env, drone).split("digest='")[1].split("'")[0] for drone in drones}


def check_with_the_ros2_commands(env: dict[str, str], drones: list[str]) -> None:
    """What a robotics engineer types first."""
    expected = {
        f"/{drone}/{node}"
        for drone in drones
        for node in ("camera", "detector", "georeferencer", "coordinator", "heartbeat")
    }
    until(lambda: expected <= set(ros2(env, "node", "list", "--no-daemon").split()))
    types = ros2(env, "topic", "list", "-t", "--no-daemon")
    assert "/fleet/sightings [edge_infer_msgs/msg/SightingArray]" in types
    assert f"/{drones[0]}/detector/detections [vision_msgs/msg/Detection2DArray]" in types
    info = ros2(env, "topic", "info", "-v", "/fleet/targets")
    assert "Type: edge_infer_msgs/msg/TargetArray" in info
    assert "Node name: coordinator" in info
    assert f"Node namespace: /{drones[0]}" in info
    assert "Reliability: RELIABLE" in info
    message = yaml.safe_load(ros2(env, "topic", "echo", "--once", "/fleet/targets").split("---")[0])
    assert message["header"]["frame_id"] == "map"
    assert message["coordinator"].endswith("/coordinator")
    told = ros2(env, "topic", "echo", "--once", "/diagnostics")
    for status in yaml.safe_load(told.split("---")[0])["status"]:
        assert status["hardware_id"] in {*drones, "gateway", "ground_station"}
        assert status["name"].startswith(f"{status['hardware_id']}/")
        assert status["message"]
    hz = subprocess.Popen(
        ["ros2", "topic", "hz", f"/{drones[0]}/detector/detections"],
        env=env,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert hz.stdout
    line = next(line for line in hz.stdout if "average rate" in line)
    hz.send_signal(signal.SIGINT)
    hz.communicate(timeout=10)
    assert float(line.split("average rate:")[1]) > 0.5
    answer = ros2(
        env,
        "service",
        "call",
        f"/{drones[0]}/camera/enable",
        "std_srvs/srv/SetBool",
        "{data: true}",
    )
    assert "frames flow" in answer


@contextmanager
def launched_swarm(env: dict[str, str], log: Path, *arguments: str) -> Iterator[None]:
    """The launch file's swarm, of which every process ends cleanly."""
    with launched(env, log, "swarm.launch.py", "port:=0", *arguments):
        yield
    text = log.read_text()
    started = text.count("process started with pid")
    assert text.count("process has finished cleanly") == started, text


def test_the_launch_file_flies_and_the_ros2_commands_see_it(
    ros_environment: dict[str, str], tmp_path: Path
) -> None:
    drones = ["drone_1", "drone_2", "drone_3"]
    arguments = ("drones:=3", "rate_hz:=2.0", f"state_dir:={tmp_path}")
    with launched_swarm(ros_environment, tmp_path / "log", *arguments):
        check_with_the_ros2_commands(ros_environment, drones)
        stop_cameras(ros_environment, drones)
        until(lambda: len(digests(ros_environment, drones)) == 1)


def test_a_star_of_separate_nodes_has_its_only_coordinator_at_the_gateway(
    ros_environment: dict[str, str], tmp_path: Path
) -> None:
    of_drone = ("camera", "detector", "georeferencer", "heartbeat")
    expected = {f"/{drone}/{node}" for drone in ("drone_1", "drone_2") for node in of_drone}
    expected |= {"/gateway/coordinator", "/gateway/dashboard"}
    arguments = ("drones:=2", "composed:=false", "topology:=star", "faulty_share:=0")
    with launched_swarm(ros_environment, tmp_path / "log", *arguments, f"state_dir:={tmp_path}"):
        until(lambda: set(ros2(ros_environment, "node", "list", "--no-daemon").split()) == expected)
        of_detector = ("--once", "--no-arr", "--filter", "m.node == 'detector' and m.message")
        status = ros2(ros_environment, "topic", "echo", *of_detector, "/fleet/status")
        message = yaml.safe_load(status.split("---")[0])
        assert message["level"] == 0
        assert message["message"].endswith(" serves")
        share = ros2(ros_environment, "param", "get", "/drone_2/detector", "faulty_share")
        assert share == "Double value is: 0.0\n"


def test_a_hybrid_has_topics_for_each_cluster_and_one_truth(
    ros_environment: dict[str, str], tmp_path: Path
) -> None:
    drones = ["drone_1", "drone_2", "drone_3", "drone_4"]
    arguments = ("drones:=4", "rate_hz:=2.0", "topology:=hybrid", "clusters:=2")
    with launched_swarm(ros_environment, tmp_path / "log", *arguments, f"state_dir:={tmp_path}"):
        until(lambda: "/drone_4/coordinator" in ros2(ros_environment, "node", "list"))
        topics = ros2(ros_environment, "topic", "list").split()
        for cluster in ("cluster_1", "cluster_2"):
            for leaf in ("sightings", "digest", "sighting_request", "records"):
                assert f"/fleet/{cluster}/{leaf}" in topics
        assert "/fleet/cluster_3/sightings" not in topics
        until(lambda: speakers(ros_environment, "/fleet/digest") == HEADS_AND_GROUND)
        stop_cameras(ros_environment, drones)
        until(lambda: len(digests(ros_environment, drones)) == 1)


HEADS_AND_GROUND = {"/drone_1/coordinator", "/drone_3/coordinator", "/gateway/dashboard"}


def speakers(env: dict[str, str], topic: str) -> set[str]:
    """Full names of the nodes that publish on a topic."""
    told = ros2(env, "topic", "info", "-v", "--no-daemon", topic).split("Subscription count")[0]
    lines = told.splitlines()
    names, spaces = (
        [line.partition(": ")[2] for line in lines if line.startswith(f"Node {what}: ")]
        for what in ("name", "namespace")
    )
    return {f"{space}/{name}" for name, space in zip(names, spaces, strict=True)}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("topology:=mesh", "clusters:=2"), "a mesh has no clusters"),
        (("topology:=hybrid", "drones:=2", "clusters:=3"), "2 drones cannot make 3 clusters"),
    ],
)
def test_clusters_that_make_no_sense_launch_nothing(
    ros_environment: dict[str, str], arguments: tuple[str, ...], sentence: str
) -> None:
    done = subprocess.run(
        ["ros2", "launch", "edge_infer", "swarm.launch.py", *arguments],
        env=ros_environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert sentence in said
    assert "process started" not in said
    assert "Traceback" not in said


FIRST_FOR_SURE_S = 6.0
"""Of two that start within two seconds a number decides, and either may have to go."""


def uptime_s(env: dict[str, str]) -> float:
    """Of the drone whose heartbeat is heard next, which may be the first one of its life."""
    # With its type and its reliability given, the command waits for a topic that is not there yet.
    echo = ("topic", "echo", "--once", "--field", "uptime", "--qos-reliability", "best_effort")
    return float(ros2(env, *echo, "/fleet/heartbeat", "edge_infer_msgs/msg/Heartbeat").split()[0])


@pytest.mark.parametrize("composed", ["true", "false"])
def test_the_second_drone_of_one_name_ends_and_the_first_flies_on(
    ros_environment: dict[str, str], tmp_path: Path, composed: str
) -> None:
    words = ["ros2", "launch", "edge_infer", "drone.launch.py", "namespace:=drone_1"]
    words += ["rate_hz:=1.0", f"composed:={composed}"]
    with (tmp_path / "log").open("w") as log:
        first = subprocess.Popen(
            [*words, f"state_dir:={tmp_path / 'first'}"],
            env=ros_environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        until(lambda: uptime_s(ros_environment) > FIRST_FOR_SURE_S)
        second = subprocess.run(
            [*words, f"state_dir:={tmp_path / 'second'}"],
            env=ros_environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        said = second.stdout + second.stderr
        assert "another drone that was here first calls itself 'drone_1'" in said
        assert said.count("process started with pid") == (1 if composed == "true" else 5)
        assert first.poll() is None
    finally:
        os.killpg(first.pid, signal.SIGINT)
        assert first.wait(30) == 0
    assert "process has died" not in (tmp_path / "log").read_text()


def edge_infer(env: dict[str, str], *arguments: str | Path, codes: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "edge_infer", *map(str, arguments)],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in codes, done.stderr
    return done.stdout


def test_a_launched_fleet_takes_a_model_that_is_published(
    ros_environment: dict[str, str], tmp_path: Path
) -> None:
    """As docs/updates.md says it, by the words of ros2 and edge-infer."""
    keys, store, fresh = tmp_path / "keys", tmp_path / "models", tmp_path / "my_model"
    edge_infer(ros_environment, "keys", "init", keys)
    (online,) = (keys / "online").glob("*.pem")
    version = ("--version", "9.9.9", "--release", "9")
    edge_infer(ros_environment, "model", "derive", *version, shipped(), fresh)
    arguments = ("drones:=2", f"root:={keys / 'root.json'}", f"store:={store}")
    arguments += (f"online_key:={online}", f"state_dir:={tmp_path}")

    def status() -> Any:
        nobody_yet = 1
        words = ("rollout", "status", "--json")
        return json.loads(edge_infer(ros_environment, *words, codes=(0, nobody_yet)))

    def states() -> list[str]:
        return [drone["state"] for drone in status()["drones"]]

    with launched_swarm(ros_environment, tmp_path / "log", *arguments):
        until(lambda: len(states()) == 2)
        where = ("--store", store, "--keys", keys)
        said = edge_infer(ros_environment, "rollout", "publish", fresh, *where)
        assert "9.9.9 is published as release 9" in said
        until(lambda: states() == ["STAGED", "STAGED"])
        edge_infer(ros_environment, "rollout", "start")
        until(lambda: states() == ["COMMITTED", "COMMITTED"], 120.0)
        assert list(status()["drift"]) == ["solar_thermal 9.9.9 (release 9)"]
        health = ros2(ros_environment, "topic", "echo", "--once", "/fleet/model/health")
        assert "release: 9" in health


def stop_cameras(env: dict[str, str], drones: list[str]) -> None:
    for drone in drones:
        ros2(
            env,
            "service",
            "call",
            f"/{drone}/camera/enable",
            "std_srvs/srv/SetBool",
            "{data: false}",
        )


@pytest.mark.parametrize("runtime", ["embedded", "mixed"])
def test_an_embedded_and_a_mixed_swarm_are_seen_as_any_other(
    ros_environment: dict[str, str], tmp_path: Path, runtime: str
) -> None:
    file = tmp_path / "r.json"
    swarm = subprocess.Popen(
        [
            *(sys.executable, "-m", "edge_infer", "swarm", "--drones", "2", "--rate", "2"),
            *("--headless", "--runtime", runtime, "--report", str(file)),
        ],
        env=ros_environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        check_with_the_ros2_commands(ros_environment, ["drone_1", "drone_2"])
    finally:
        swarm.send_signal(signal.SIGINT)
        _, err = swarm.communicate(timeout=60)
    assert swarm.returncode == 0, err
    report = json.loads(file.read_text())
    assert report["replicas_agree"] is True
    kinds = {drone["name"]: drone["runtime"] for drone in report["drones"]}
    expected = {"embedded": ("embedded", "embedded"), "mixed": ("ros", "embedded")}[runtime]
    assert (kinds["drone_1"], kinds["drone_2"]) == expected
