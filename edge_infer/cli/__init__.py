"""The command ``edge-infer``: one file per sub-command, nothing but arguments and printing.

Results go to standard output, progress and logs to standard error. What a user
can put right ends with one sentence and code 2.
"""
