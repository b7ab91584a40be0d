"""The package: for pip as it is, for colcon as an ament_python package."""

from glob import glob

from setuptools import find_packages, setup

NODES = (
    "camera", "detector", "georeferencer", "coordinator", "heartbeat", "updater", "drone",
    "dashboard", "foxglove", "rollout",
)  # fmt: skip

setup(
    name="edge_infer",
    version="0.1.0",
    description="Real-time inference for robot swarms over ROS 2 / DDS",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=["edge_infer", "edge_infer.*"]),
    package_data={
        "edge_infer": ["py.typed"],
        "edge_infer.models": ["shipped/*/*"],
        "edge_infer.dashboard": ["static/*"],
        "edge_infer.runtime": ["interfaces/**/*"],
    },
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/edge_infer"]),
        ("share/edge_infer", ["package.xml"]),
        ("share/edge_infer/launch", glob("launch/*.launch.py")),
        ("share/edge_infer/config", glob("config/*.yaml") + glob("config/*.json")),
        ("share/edge_infer/config/dds", glob("config/dds/*.xml")),
        ("share/edge_infer/config/presets", glob("config/presets/*.yaml")),
        ("share/edge_infer/config/rviz", glob("config/rviz/*.rviz")),
        ("share/edge_infer/config/foxglove", glob("config/foxglove/*.json")),
        ("share/edge_infer/interfaces/edge_infer_msgs/msg", glob("edge_infer_msgs/msg/*.msg")),
        ("share/edge_infer/interfaces/edge_infer_msgs/srv", glob("edge_infer_msgs/srv/*.srv")),
    ],
    install_requires=[
        "numpy>=1.26,<3",
        "packaging>=22",
        "opencv-python-headless>=4.8",
        "onnxruntime>=1.17",
        "pydantic>=2.5,<3",
        "pyyaml>=6",
        "rosbags>=0.10.9,<0.12",
        "lz4>=4",
        "pymap3d>=3,<4",
        "rich>=13",
        "psutil>=5.9",
        "tuf>=7.0.1,<8",
        "cryptography>=42",
        "zstandard>=0.22",
        "bsdiff4>=1.2.5",
        "fsspec>=2024.2",
        'cyclonedds>=0.10.2,<12; platform_machine == "x86_64"',
    ],
    extras_require={
        "train": [
            "torch>=2.4,<2.14",
            "onnx>=1.15",
            "torch-pruning>=1.5,<2",
            "matplotlib>=3.8",
        ],
        # The converter asks for an old typing-extensions, so it is an extra of its own.
        "train-tflite": ["litert-torch==0.10.*", "ai-edge-quantizer==0.10.*"],
        "tflite": ["ai-edge-litert>=1.2"],
        "foxglove": ["foxglove-sdk>=0.14,<1"],
        "plots": ["matplotlib>=3.8"],
        "bench": ["scikit-learn>=1.4", "scipy>=1.11", "onnx>=1.15", "pycrdt>=0.12", "paho-mqtt>=2"],
        # Where JetPack does not bring them.
        "tensorrt": ["tensorrt>=10.3,<12", "pycuda>=2024.1"],
        "test": [
            "pytest>=8",
            "pytest-xdist>=3.7",
            "hypothesis>=6.100",
            "jsonschema>=4.18",
            "mcap>=1.1",
            "foxglove-sdk>=0.14,<1",
            "websocket-client>=1.6",
            "selenium>=4.15",
            "ai-edge-litert>=1.2",
            "matplotlib>=3.8",
        ],
        "check": ["ruff>=0.6", "mypy>=1.11", "types-PyYAML"],
    },
    entry_points={
        "console_scripts": [
            "edge-infer = edge_infer.cli.main:main",
            *(f"{name}_node = edge_infer.nodes.entry:{name}" for name in NODES),
        ],
        "pytest11": ["edge_infer = edge_infer.testing"],
    },
    zip_safe=False,
)
