"""Run a command in a fresh network namespace after bringing up its loopback interface.

`unshare --net python loopback_only.py COMMAND ...`; the command `ip` may not be there.
"""

import fcntl
import os
import socket
import struct
import sys

SET_FLAGS = 0x8914  # SIOCSIFFLAGS of <linux/sockios.h>
UP_AND_RUNNING = 0x1 | 0x40  # IFF_UP | IFF_RUNNING

with socket.socket() as control:
    fcntl.ioctl(control, SET_FLAGS, struct.pack("16sh16x", b"lo", UP_AND_RUNNING))
os.execvp(sys.argv[1], sys.argv[1:])
