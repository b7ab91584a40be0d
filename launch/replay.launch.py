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

"""A recorded flight once more under ROS 2: `ros2 bag play --clock`, and our nodes on its time.

For the same result every time, and as fast as the machine allows, take `edge-infer replay`: here
frames are dropped when the machine cannot keep up, as in flight.
"""

from launch import LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    ExecuteProcess,
    OpaqueFunction,
    Shutdown,
    TimerAction,
)
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

ARGUMENTS = {
    "bag": (None, "Folder of the bag, or its mcap or db3 file", None),
    "rate": ("1.0", "So much faster than it was recorded", None),
    "delay": ("5.0", "Seconds before the bag begins: the model is loaded meanwhile", None),
    "namespace": ("drone_1", "Name of the drone; its topics lie below it", None),
    "image": ("image", "The bag's topic of the images", None),
    "camera_info": ("camera_info", "The bag's topic of the camera's calibration", None),
    "pose": ("pose", "The bag's topic of the drone's pose in the fleet frame", None),
    "fix": ("fix", "The bag's topic of the NavSatFix, with pose_source navsat", None),
    "imu": ("imu", "The bag's topic of the Imu, likewise", None),
    "coordinator": ("true", "Whether this drone has a coordinator", ["true", "false"]),
    "model": ("", "Folder of the model bundle; empty for the shipped one", None),
    "params_file": (
        [FindPackageShare("edge_infer"), "/config/drone.yaml"],
        "Parameters of all nodes",
        None,
    ),
    "state_dir": ("", "Folder of the boot counter; empty for ~/.local/state/edge_infer", None),
    "log_level": ("info", "Least level that is logged", ["debug", "info", "warn", "error"]),
}

CLOCK_HZ = "200"
"""A frame's age is known to no less than the time between two ticks."""
LAST_WORDS_S = 3.0
"""What the nodes have after the bag's end to tell what they know."""
INPUTS = ("image", "camera_info", "pose", "fix", "imu")


def start(context):
    value = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    names = ["detector", "georeferencer"]
    if value["coordinator"] == "true":
        names.append("coordinator")
    return [play(value), *(process(name, value) for name in names)]


def play(value):
    command = ["ros2", "bag", "play", value["bag"], "--clock", CLOCK_HZ, "--rate", value["rate"]]
    quiet = ["--delay", value["delay"], "--disable-keyboard-controls"]
    end = TimerAction(period=LAST_WORDS_S, actions=[Shutdown(reason="the bag has ended")])
    return ExecuteProcess(cmd=[*command, *quiet], output="screen", on_exit=[end])


def process(name, value):
    return Node(
        package="edge_infer",
        executable=f"{name}_node",
        namespace=value["namespace"],
        output="screen",
        parameters=[value["params_file"], {"use_sim_time": True}],
        remappings=[(topic, value[topic]) for topic in INPUTS],
        ros_arguments=["--log-level", value["log_level"], *parameters(name, value)],
    )


def parameters(name, value):
    """What the arguments say, to the node that has such a parameter."""
    chosen = {"state_dir": value["state_dir"]}
    if name == "detector":
        chosen["model"] = value["model"]
    return [word for key in chosen for word in ("-p", f'{name}:{key}:="{chosen[key]}"')]


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
