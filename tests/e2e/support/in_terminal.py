"""Runs a command in a terminal of its own and copies what it draws.

    in_terminal.py PATTERN COMMAND...

Once PATTERN (bytes of ASCII, may be empty) was drawn, Ctrl-C is pressed. The
exit code is that of the command, or 128 + n for signal n.
"""
import fcntl
import os
import pty
import struct
import sys
import termios

pattern, command = sys.argv[1].encode(), sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    os.execvp(command[0], command)
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 25, 120, 0, 0))
drawn, pressed = b"", pattern == b""
while True:
    try:
        part = os.read(terminal, 65536)
    except OSError:
        break
    if not part:
        break
    drawn += part
    sys.stdout.buffer.write(part)
    if not pressed and pattern in drawn:
        pressed = True
        os.write(terminal, b"\x03")
_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status) % 256)
