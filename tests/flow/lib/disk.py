"""A disk that fails when it is told to: faultfs.so stands between the gateway and the kernel."""
import os

from lib.gateway import built

LIBRARY = built("tests", "faultfs.so")


class Disk:
    """Give `env` to the start of a gateway. The rules are faultfs.c's: "write ENOSPC path=spool"."""

    def __init__(self, folder):
        self.rules, self.faults = folder / "disk-rules", folder / "disk-faults"
        self.env = {"LD_PRELOAD": LIBRARY, "ASAN_OPTIONS": "verify_asan_link_order=0", "FAULTFS_FILE": str(self.rules), "FAULTFS_LOG": str(self.faults)}
        self.heals()

    def fails(self, rules):
        """From now on, at once and whole: the gateway reads the rules whenever their file is another."""
        fresh = self.rules.with_suffix(".new")
        fresh.write_text(rules + "\n")
        os.replace(fresh, self.rules)

    def heals(self):
        self.fails("")

    def fault_count(self):
        return self.faults.read_text().count("\n") if self.faults.exists() else 0
