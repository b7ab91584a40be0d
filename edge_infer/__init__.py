"""Real-time inference for robot swarms over ROS 2 / DDS.

Importing this package imports no middleware and no inference engine: each is
imported by the one module that speaks to it, when it is first used.
"""

__version__ = "0.1.0"
