"""`make faults`: processes killed, databases stopped, disks full, clients racing; and the audit.

What clients were told is written down on their side and compared with every row afterwards. See
`python -m tests.faults --help`.
"""
