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

"""A simulated swarm: N drones over one solar farm, and the live page."""

from launch import LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    GroupAction,
    IncludeLaunchDescription,
    OpaqueFunction,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

from edge_infer.swarm.clusters import clusters_of

ARGUMENTS = {
    "drones": ("5", "How many drones", None),
    "rate_hz": ("5.0", "Frames per second of each camera", None),
    "seed": ("0", "Seed of the simulated world", None),
    "topology": (
        "mesh",
        "A coordinator on every drone (mesh), only at the gateway (star), or in clusters (hybrid)",
        ["mesh", "star", "hybrid"],
    ),
    "clusters": ("0", "Clusters of a hybrid; 0 for one per five drones", None),
    "composed": ("true", "A drone's nodes in one process, or each in its own", ["true", "false"]),
    "modules": ("", "File of real module images; empty for drawn ones", None),
    "model": ("", "Folder of the model bundle; empty for the shipped one", None),
    "root": ("", "root.json of those who publish models; empty flies without updates", None),
    "store": ("", "Where models are published; empty for no rollouts", None),
    "online_key": ("", "Online private key that rollouts are signed with", None),
    "faulty_share": ("0.022", "Share of modules that the detectors expect to be faulty", None),
    "dashboard": ("true", "Serve the live page", ["true", "false"]),
    "host": ("127.0.0.1", "Address to serve the live page at", None),
    "port": ("8080", "Port to serve the live page at", None),
    "rviz": ("false", "Show the swarm in RViz", ["true", "false"]),
    "state_dir": ("", "Folder of the boot counters; empty for the default", None),
    "log_level": ("info", "Least level that is logged", ["debug", "info", "warn", "error"]),
}

OF_DRONE = (
    "drones",
    "rate_hz",
    "seed",
    "composed",
    "modules",
    "model",
    "root",
    "faulty_share",
    "state_dir",
    "log_level",
)
OF_GATEWAY = (
    "drones", "seed", "topology", "dashboard", "host", "port", "state_dir",
    "root", "store", "online_key",
)  # fmt: skip


def start(context):
    value = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    star = value["topology"] == "star"
    clusters = clusters_of(value["topology"], int(value["drones"]), int(value["clusters"]))
    drones = [
        include(
            context,
            "drone",
            namespace=f"drone_{number + 1}",
            drone=str(number),
            coordinator=str(not star).lower(),
            cluster=cluster,
            **{name: value[name] for name in OF_DRONE},
        )
        for number, cluster in enumerate(clusters)
    ]
    gateway = include(
        context,
        "gateway",
        coordinator=str(star).lower(),
        **{name: value[name] for name in OF_GATEWAY},
    )
    # RViz first: where it is not installed, nothing else starts.
    return [*rviz(context, value["rviz"]), *drones, gateway]


def rviz(context, wanted):
    """RViz beside the swarm, with a layout for five drones; it may be closed at any time."""
    share = FindPackageShare("edge_infer").perform(context)
    layout = f"{share}/config/rviz/swarm.rviz"
    node = Node(package="rviz2", executable="rviz2", name="rviz", arguments=["-d", layout])
    return [node] if wanted == "true" else []


def include(context, name, **arguments):
    """A launch file, in a scope of its own: else its arguments hold in the next one, too."""
    share = FindPackageShare("edge_infer").perform(context)
    source = PythonLaunchDescriptionSource(f"{share}/launch/{name}.launch.py")
    return GroupAction([IncludeLaunchDescription(source, launch_arguments=arguments.items())])


def generate_launch_description():
    arguments = [
        DeclareLaunchArgument(
            name,
            default_value=default,
            description=text,
            **({"choices": choices} if choices else {}),
        )
        for name, (default, text, choices) in ARGUMENTS.items()
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=start)])
