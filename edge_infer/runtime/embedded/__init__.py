"""The runtime without ROS 2: Cyclone DDS with ROS names, types and QoS on the wire."""
