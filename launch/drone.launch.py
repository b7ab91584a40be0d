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

"""One drone: camera, detector, georeferencer, coordinator and heartbeat.

Composed, they share a process, and our camera's frames are handed over without a
middleware; separate, each has its own process. `preset` names the stack that the
nodes join: its topics, and the types and frames of its messages. Images then come from
its driver, as with `camera:=false`.
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, Shutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

ARGUMENTS = {
    "namespace": ("drone_1", "Name of the drone; its topics lie below it", None),
    "composed": ("true", "All nodes in one process, or each in its own", ["true", "false"]),
    "preset": (
        "none",
        "Stack whose topics and messages are taken; docs/integration.md",
        ["none", "px4", "mavros", "aerostack2", "camera"],
    ),
    "camera": (
        "auto",
        "Whether to start our camera node; auto does unless a preset is named",
        ["auto", "true", "false"],
    ),
    "coordinator": ("true", "Whether this drone has a coordinator", ["true", "false"]),
    "autostart": (
        "true",
        "Whether managed nodes become active by themselves; else a lifecycle manager does it",
        ["true", "false"],
    ),
    "cluster": ("", "Cluster of a hybrid fleet; empty for the whole fleet", None),
    "source": ("simulated", "Frames of our camera", ["simulated", "folder", "video", "v4l2"]),
    "path": ("", "Folder of images or video file for our camera", None),
    "rate_hz": ("5.0", "Frames per second of our camera", None),
    "seed": ("0", "Seed of the simulated world", None),
    "drones": ("1", "Drones in the simulated world", None),
    "drone": ("0", "Number of this drone in it, from 0", None),
    "modules": ("", "File of real module images for the simulation; empty for drawn ones", None),
    "model": ("", "Folder of the model bundle; empty for the shipped one", None),
    "root": ("", "root.json of those who publish models; empty flies without updates", None),
    "faulty_share": (
        "0.0",
        "Share of modules expected to be faulty; 0 takes the model's own",
        None,
    ),
    "image": ("", "Topic of the images; empty for the preset's, or image", None),
    "camera_info": ("", "Topic of the calibration; empty for the preset's, or camera_info", None),
    "pose": ("", "Topic of the drone's pose; empty for the preset's, or pose", None),
    "fix": ("", "Topic of the NavSatFix, with pose_source navsat; likewise", None),
    "imu": ("", "Topic of the Imu, with pose_source navsat; likewise", None),
    "vehicle_local_position": ("", "Topic of PX4's origin, with map_origin; likewise", None),
    "params_file": (
        [FindPackageShare("edge_infer"), "/config/drone.yaml"],
        "Parameters of all nodes",
        None,
    ),
    "state_dir": ("", "Folder of the boot counter; empty for ~/.local/state/edge_infer", None),
    "use_sim_time": ("false", "Take time from /clock", ["true", "false"]),
    "log_level": ("info", "Least level that is logged", ["debug", "info", "warn", "error"]),
}

INPUTS = ("image", "camera_info", "pose", "fix", "imu", "vehicle_local_position")
PRESETS = {
    "none": {},
    "px4": {
        "image": "/camera/image_raw",
        "camera_info": "/camera/camera_info",
        "pose": "/fmu/out/vehicle_odometry",
        "vehicle_local_position": "/fmu/out/vehicle_local_position",
    },
    "mavros": {
        "image": "camera/image_raw",
        "camera_info": "camera/camera_info",
        "pose": "mavros/local_position/pose",
        "fix": "mavros/global_position/global",
        "imu": "mavros/imu/data",
    },
    "aerostack2": {
        "image": "sensor_measurements/camera/image_raw",
        "camera_info": "sensor_measurements/camera/camera_info",
        "pose": "self_localization/pose",
        "fix": "sensor_measurements/gps",
        "imu": "sensor_measurements/imu",
    },
    "camera": {"image": "/camera/image_raw", "camera_info": "/camera/camera_info"},
}
"""Where each stack has what our nodes listen to."""

OF_CAMERA = ("source", "path", "rate_hz", "seed", "drones", "drone", "modules")
IN_A_CLUSTER = ("coordinator", "georeferencer")
MANAGED = ("detector", "georeferencer", "coordinator", "updater")
NAME_TAKEN = 3
"""Exit code of the process with the heartbeat, which finds out."""
TEXTS = ("cluster", "source", "path", "modules", "model", "root", "state_dir")


def start(context):
    value = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    if value["camera"] == "auto":
        value["camera"] = str(value["preset"] == "none").lower()
    files = [value["params_file"]]
    if value["preset"] != "none":  # first: what the user's own file says counts
        share = FindPackageShare("edge_infer").perform(context)
        files.insert(0, f"{share}/config/presets/{value['preset']}.yaml")
    value["files"] = files
    names = ["detector", "georeferencer", "heartbeat"]
    if value["coordinator"] == "true":
        names.append("coordinator")
    if value["root"]:
        names.append("updater")
    if value["camera"] == "true":
        names.insert(0, "camera")
    if value["composed"] == "true":
        return [process("drone", ["drone", *names], value)]
    return [process(name, [name], value) for name in names]


def process(executable, nodes, value):
    return Node(
        package="edge_infer",
        executable=f"{executable}_node",
        namespace=value["namespace"],
        output="screen",
        respawn=True,
        respawn_delay=2.0,
        on_exit=end_if_name_taken if "heartbeat" in nodes else None,
        parameters=value["files"],
        remappings=remappings(value),
        ros_arguments=["--log-level", value["log_level"], *parameters(nodes, value)],
    )


def remappings(value):
    """As the arguments say, else the preset."""
    theirs = PRESETS[value["preset"]]
    topics = {name: value[name] or theirs.get(name, name) for name in INPUTS}
    topics["image/compressed"] = f"{topics['image']}/compressed"  # as image_transport names it
    return [(name, topic) for name, topic in topics.items() if topic != name]


def end_if_name_taken(event, _context):
    """Another drone flies under this name: starting again is no help, all else may pass."""
    if event.returncode == NAME_TAKEN:
        return Shutdown(reason=f"{event.process_name} cannot go on, it said why")
    return None


def parameters(nodes, value):
    """What the arguments say, each to the node that has such a parameter."""
    chosen = {f"{node}:use_sim_time": value["use_sim_time"] for node in nodes}
    if "camera" in nodes:
        chosen.update({f"camera:{name}": value[name] for name in OF_CAMERA})
    if "detector" in nodes:
        chosen["detector:model"] = value["model"]
        chosen["detector:faulty_share"] = value["faulty_share"]
    if "updater" in nodes:
        chosen["updater:root"] = value["root"]
        chosen["updater:model"] = value["model"]
    chosen.update({f"{n}:cluster": value["cluster"] for n in nodes if n in IN_A_CLUSTER})
    if value["autostart"] == "false":  # else as the files say
        chosen.update({f"{n}:autostart": "false" for n in nodes if n in MANAGED})
    if "drone" in nodes:
        chosen["drone:camera"] = value["camera"]
        chosen["drone:coordinator"] = value["coordinator"]
        chosen["drone:updater"] = str("updater" in nodes).lower()
        chosen["drone:state_dir"] = value["state_dir"]
    else:
        chosen.update({f"{node}:state_dir": value["state_dir"] for node in nodes})
    return [word for name in chosen for word in ("-p", f"{name}:={as_yaml(name, chosen[name])}")]


def as_yaml(name, text):
    return f'"{text}"' if name.partition(":")[2] in TEXTS else text


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
