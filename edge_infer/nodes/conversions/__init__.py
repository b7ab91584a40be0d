"""Domain values to messages and back; the only room where the two meet.

Functions named ``*_to_msg`` take the node's message classes and build one;
``*_from_msg`` check what came in and raise an error that says what the sender should
put right. Nothing else is decided here.
"""
