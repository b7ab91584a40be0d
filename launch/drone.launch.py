"""One drone: camera, detector, georeferencer, coordinator and heartbeat.

Composed, they share a process and frames are handed over without a middleware;
separate, each has its own process and `camera:=false` leaves the camera to a
driver of your own.
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, Shutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

ARGUMENTS = {
    "namespace": ("drone_1", "Name of the drone; its topics lie below it", None),
    "composed": ("true", "All nodes in one process, or each in its own", ["true", "false"]),
    "camera": ("true", "Whether to start our camera node (separate nodes only)", ["true", "false"]),
    "coordinator": ("true", "Whether this drone has a coordinator", ["true", "false"]),
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
    "image": ("image", "Topic of the images", None),
    "camera_info": ("camera_info", "Topic of the camera's calibration", None),
    "pose": ("pose", "Topic of the drone's pose in the fleet frame", None),
    "params_file": (
        [FindPackageShare("edge_infer"), "/config/drone.yaml"],
        "Parameters of all nodes",
        None,
    ),
    "state_dir": ("", "Folder of the boot counter; empty for ~/.local/state/edge_infer", None),
    "use_sim_time": ("false", "Take time from /clock", ["true", "false"]),
    "log_level": ("info", "Least level that is logged", ["debug", "info", "warn", "error"]),
}

OF_CAMERA = ("source", "path", "rate_hz", "seed", "drones", "drone", "modules")
IN_A_CLUSTER = ("coordinator", "georeferencer")
NAME_TAKEN = 3
"""Exit code of the process with the heartbeat, which finds out."""
TEXTS = ("cluster", "source", "path", "modules", "model", "root", "state_dir")


def start(context):
    value = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    names = ["detector", "georeferencer", "heartbeat"]
    if value["coordinator"] == "true":
        names.append("coordinator")
    if value["root"]:
        names.append("updater")
    if value["composed"] == "true":
        return [process("drone", ["drone", "camera", *names], value)]
    if value["camera"] == "true":
        names.insert(0, "camera")
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
        parameters=[value["params_file"]],
        remappings=[(topic, value[topic]) for topic in ("image", "camera_info", "pose")],
        ros_arguments=["--log-level", value["log_level"], *parameters(nodes, value)],
    )


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
    if "drone" in nodes:
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
