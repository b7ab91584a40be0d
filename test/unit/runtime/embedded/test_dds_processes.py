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

"""Whole processes: they end cleanly, shrug off garbage, refuse a fork, recognise a replay."""

import os
import random
import signal
import socket
import threading
from pathlib import Path

import numpy as np
import pytest

from edge_infer.errors import RuntimeRoomError, RuntimeUnavailableError
from edge_infer.runtime import qos
from edge_infer.runtime.embedded.participant import Participant
from edge_infer.runtime.qos import Durability, QoS

ECHO = """
from edge_infer.runtime import qos
from edge_infer.runtime.embedded.runtime import EmbeddedRuntime
runtime = EmbeddedRuntime()
node = runtime.create_node("echo")
String = node.messages["std_msgs/msg/String"]
back = node.create_publisher(String, "/back", qos.SIGHTINGS)
node.create_subscription(String, "/there", back.publish, qos.SIGHTINGS)
node.create_guard_condition(lambda: print("ready", flush=True)).trigger()
runtime.spin()
"""


def ears(runtime, there, back):
    """A publisher to ``there`` and what comes ``back``."""
    node = runtime.create_node("probe")
    string = node.messages["std_msgs/msg/String"]
    heard = []
    node.create_subscription(string, back, lambda msg: heard.append(msg.data), qos.SIGHTINGS)
    publisher = node.create_publisher(string, there, qos.SIGHTINGS)

    def ask(text):
        heard.clear()
        publisher.publish(string(data=text))
        return runtime.spin_until(lambda: heard, 10) and heard[0]

    def connected():
        return node.count_publishers(back) and publisher.get_subscription_count()

    assert runtime.spin_until(connected, 10)
    return ask


@pytest.mark.parametrize("end", ["runtime.shutdown()", "", "import sys; sys.exit()"])
def test_a_process_ends_cleanly_on_a_signal_however_it_is_written(start, end):
    process = start(ECHO + end)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, "", "")


def test_a_process_that_fails_while_publishing_says_so_and_ends(start):
    process = start(
        ECHO.replace(
            "runtime.spin()",
            """
import threading
def work():
    while True:
        back.publish(String(data="x" * 1000))
threading.Thread(target=work, daemon=True).start()
raise ValueError("a mistake")
""",
        )
    )
    _, err = process.communicate(timeout=10)
    assert process.returncode == 1
    assert err.rstrip().endswith("ValueError: a mistake")


def ports(domain):
    """Where the first participants of a domain listen, discovery and data."""
    base = 7400 + 250 * domain
    return [base, base + 1] + [base + 10 + number for number in range(8)]


def garbage(random_numbers):
    """Datagrams that are nothing, and some that begin like RTPS."""
    noise = random_numbers.randbytes(random_numbers.randint(0, 600))
    header = b"RTPS\2\1\1\x10" + random_numbers.randbytes(12)
    submessage = bytes([random_numbers.randint(0, 0x35), random_numbers.randint(0, 255)])
    length = random_numbers.choice([0, 4, 24, 400, 65535]).to_bytes(2, "little")
    return random_numbers.choice([noise, header + noise, header + submessage + length + noise])


def test_garbage_at_the_ports_is_ignored(start, runtimes, environ):
    process = start(ECHO)
    assert process.stdout.readline() == "ready\n"
    ask = ears(runtimes(), "/there", "/back")
    random_numbers = random.Random(3)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as hostile:
        for _ in range(400):
            for port in ports(int(environ["ROS_DOMAIN_ID"])):
                hostile.sendto(garbage(random_numbers), ("127.0.0.1", port))
    assert ask("still there?") == "still there?"
    assert process.poll() is None


def test_a_forked_child_is_refused(runtimes):
    node = runtimes().create_node("parent")
    string = node.messages["std_msgs/msg/String"]
    child = os.fork()
    if child == 0:
        try:
            node.create_publisher(string, "/x", qos.SIGHTINGS)
        except RuntimeUnavailableError:
            os._exit(7)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7


def test_without_the_package_one_sentence_says_how_to_get_it(start):
    process = start(
        """
import sys
sys.modules["cyclonedds"] = None
from edge_infer.errors import RuntimeUnavailableError
from edge_infer.runtime.embedded.runtime import EmbeddedRuntime
try:
    EmbeddedRuntime()
except RuntimeUnavailableError as error:
    print(error)
"""
    )
    out, err = process.communicate(timeout=10)
    assert out.startswith("the package cyclonedds is not installed: run pip install cyclonedds")
    assert not err


@pytest.mark.parametrize("uri", ["<General><NoSuchThing/></General>", "file:///nowhere/dds.xml"])
def test_a_configuration_that_cannot_be_used_is_named(environ, uri):
    with pytest.raises(RuntimeRoomError, match="CYCLONEDDS_URI"):
        Participant({**environ, "CYCLONEDDS_URI": uri})
    Participant(environ).close()


def test_one_process_may_hold_several_runtimes_but_only_one_view_of_a_domain(runtimes, environ):
    first, second = runtimes(), runtimes()
    with pytest.raises(RuntimeUnavailableError, match="other discovery settings"):
        Participant({**environ, "ROS_AUTOMATIC_DISCOVERY_RANGE": "OFF"})
    first.shutdown()
    node = second.create_node("survivor")
    assert node.get_node_names_and_namespaces() == [("survivor", "/")]
    second.shutdown()
    Participant({**environ, "ROS_AUTOMATIC_DISCOVERY_RANGE": "OFF"}).close()


def test_threads_publish_while_the_executor_runs(runtimes):
    runtime = runtimes()
    node = runtime.create_node("busy")
    number = node.messages["std_msgs/msg/UInt32"]
    seen, quality = [], QoS(depth=5000)
    node.create_subscription(number, "/n", lambda msg: seen.append(msg.data), quality)
    publisher = node.create_publisher(number, "/n", quality)
    assert runtime.spin_until(lambda: publisher.get_subscription_count() == 1, 10)
    workers = [
        threading.Thread(
            target=lambda base=base: [publisher.publish(number(data=base + n)) for n in range(500)]
        )
        for base in (0, 1000, 2000, 3000)
    ]
    for worker in workers:
        worker.start()
    assert runtime.spin_until(lambda: len(seen) == 2000, 20)
    for worker in workers:
        worker.join()
    for base in (0, 1000, 2000, 3000):
        assert [n for n in seen if base <= n < base + 1000] == list(range(base, base + 500))


LATCHED = """
from edge_infer.runtime.qos import Durability, QoS
from edge_infer.runtime.embedded.runtime import EmbeddedRuntime
runtime = EmbeddedRuntime()
node = runtime.create_node("latched")
String = node.messages["std_msgs/msg/String"]
out = node.create_publisher(String, "/state", QoS(depth=3, durability=Durability.TRANSIENT_LOCAL))
for text in ("one", "two"):
    out.publish(String(data=text))
node.create_subscription(String, "/more", out.publish, QoS())
node.create_guard_condition(lambda: print("ready", flush=True)).trigger()
runtime.spin()
"""


def test_a_writer_back_from_the_dead_repeats_nothing(start, runtimes, environ):
    times = "<LeaseDuration>1s</LeaseDuration><SPDPInterval>300ms</SPDPInterval>"
    environ["CYCLONEDDS_URI"] = f"<Discovery>{times}</Discovery>"
    process = start(LATCHED)
    assert process.stdout.readline() == "ready\n"
    runtime = runtimes()
    node = runtime.create_node("probe")
    string = node.messages["std_msgs/msg/String"]
    latched = QoS(depth=3, durability=Durability.TRANSIENT_LOCAL)
    heard = []
    state = node.create_subscription(string, "/state", lambda m: heard.append(m.data), latched)
    more = node.create_publisher(string, "/more", QoS())
    assert runtime.spin_until(lambda: len(heard) == 2 and more.get_subscription_count(), 10)
    process.send_signal(signal.SIGSTOP)
    assert runtime.spin_until(lambda: state.get_publisher_count() == 0, 10)
    process.send_signal(signal.SIGCONT)
    back = lambda: state.get_publisher_count() and more.get_subscription_count()  # noqa: E731
    assert runtime.spin_until(back, 10)
    more.publish(string(data="three"))
    assert runtime.spin_until(lambda: "three" in heard, 10)
    assert heard == ["one", "two", "three"]


CONFIGURATIONS = sorted((Path(__file__).parents[4] / "config" / "dds").glob("*.xml"))


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.stem)
def test_the_shipped_configurations_carry_an_image(start, runtimes, environ, path):
    environ["CYCLONEDDS_URI"] = f"file://{path}"
    process = start(ECHO.replace("std_msgs/msg/String", "sensor_msgs/msg/Image"))
    assert process.stdout.readline() == "ready\n"
    runtime = runtimes()
    node = runtime.create_node("camera")
    image, got = node.messages["sensor_msgs/msg/Image"], []
    node.create_subscription(image, "/back", got.append, qos.SIGHTINGS)
    publisher = node.create_publisher(image, "/there", qos.SIGHTINGS)
    connected = lambda: node.count_publishers("/back") and publisher.get_subscription_count()  # noqa: E731
    assert runtime.spin_until(connected, 10)
    pixels = np.random.default_rng(1).integers(0, 256, 640 * 512, np.uint8)
    publisher.publish(image(height=512, width=640, encoding="mono8", step=640, data=pixels))
    assert runtime.spin_until(lambda: got, 10)
    assert np.array_equal(got[0].data, pixels)
