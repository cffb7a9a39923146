"""gatewayctl where a person sits."""
import os
import pty
import subprocess

from .gateway import built
from .waiting import PATIENCE


def on_terminal(gateway, answer, *words):
    """gatewayctl on a terminal, where somebody answers: its exit code and all that stood there."""
    main, end = pty.openpty()
    process = subprocess.Popen([built("bin", "gatewayctl"), "--socket", gateway.socket_path, *words], stdin=end, stdout=end, stderr=end)
    os.close(end)
    text = b""
    if answer is not None:
        while b"[y/N]" not in text:
            text += os.read(main, 4096)
        os.write(main, answer)
    process.wait(30 * PATIENCE)
    try:
        while True:
            text += os.read(main, 4096)
    except OSError:
        os.close(main)
    return process.returncode, text.decode()
