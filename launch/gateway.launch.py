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

"""The ground: the live page, a coordinator for fleets whose drones have none, and rollouts.

Nothing depends on it: drones with coordinators of their own agree without it.
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration, NotEqualsSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare


def argument(name, default, text, **more):
    return DeclareLaunchArgument(name, default_value=default, description=text, **more)


def typed(name, kind):
    return ParameterValue(LaunchConfiguration(name), value_type=kind)


def generate_launch_description():
    params_file = LaunchConfiguration("params_file")
    return LaunchDescription(
        [
            argument("namespace", "gateway", "Name of the gateway; its topics lie below it"),
            argument(
                "coordinator",
                "false",
                "Whether the gateway has a coordinator (star)",
                choices=["true", "false"],
            ),
            argument("dashboard", "true", "Serve the live page", choices=["true", "false"]),
            argument("host", "127.0.0.1", "Address to serve the live page at"),
            argument("port", "8080", "Port to serve the live page at"),
            argument("topology", "mesh", "Named on the page", choices=["mesh", "star", "hybrid"]),
            argument("drones", "0", "Drones in the simulated world; 0 when the world is real"),
            argument("seed", "0", "Seed of the simulated world"),
            argument("store", "", "Where models are published; empty for no rollouts"),
            argument("root", "", "root.json of those who publish models"),
            argument("online_key", "", "Online private key that rollouts are signed with"),
            argument(
                "auto_start", "false", "Roll new models out unasked", choices=["true", "false"]
            ),
            argument("state_dir", "", "Folder of the boot counter; empty for the default"),
            argument(
                "params_file",
                [FindPackageShare("edge_infer"), "/config/gateway.yaml"],
                "Parameters of all nodes",
            ),
            Node(
                package="edge_infer",
                executable="coordinator_node",
                name="coordinator",
                namespace=LaunchConfiguration("namespace"),
                output="screen",
                respawn=True,
                respawn_delay=2.0,
                parameters=[params_file, {"state_dir": typed("state_dir", str)}],
                condition=IfCondition(LaunchConfiguration("coordinator")),
            ),
            Node(
                package="edge_infer",
                executable="dashboard_node",
                name="dashboard",
                namespace=LaunchConfiguration("namespace"),
                output="screen",
                parameters=[
                    params_file,
                    {
                        "host": typed("host", str),
                        "port": typed("port", int),
                        "topology": typed("topology", str),
                        "drones": typed("drones", int),
                        "seed": typed("seed", int),
                        "state_dir": typed("state_dir", str),
                    },
                ],
                condition=IfCondition(LaunchConfiguration("dashboard")),
            ),
            Node(
                package="edge_infer",
                executable="rollout_node",
                name="rollout",
                namespace=LaunchConfiguration("namespace"),
                output="screen",
                respawn=True,
                respawn_delay=2.0,
                parameters=[
                    params_file,
                    {
                        "store": typed("store", str),
                        "root": typed("root", str),
                        "online_key": typed("online_key", str),
                        "auto_start": typed("auto_start", bool),
                        "state_dir": typed("state_dir", str),
                    },
                ],
                condition=IfCondition(NotEqualsSubstitution(LaunchConfiguration("store"), "")),
            ),
        ]
    )
