"""A published bundle becomes the running model: signed, in chunks, tried; never a broken one."""
