"""What the senders share: arguments, the run's mark, one JSON line per item sent and a closing one."""

import json
import secrets
import sys
import time

UNICODE = "支付失败 – naïve ☕ 𝛌"
BIG = 2**53 + 1  # not a double
WAIT_SECONDS_MAX = 120


def arguments():
    """URL of the gateway's ingest listener, how many items, and an optional mark that every item carries."""
    if len(sys.argv) not in (3, 4):
        sys.exit(f"usage: {sys.argv[0]} URL COUNT [MARK]")
    mark = sys.argv[3] if len(sys.argv) == 4 else secrets.token_hex(4)
    return sys.argv[1].rstrip("/"), int(sys.argv[2]), mark


def item(**fields):
    sys.stdout.write(json.dumps(fields, ensure_ascii=False) + "\n")


def finish(mark, sent, failed, started):
    """The closing line; anything not taken by the gateway is a failure of the run."""
    line = {"mark": mark, "sent": sent, "failed": failed, "seconds": round(time.monotonic() - started, 3)}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.exit(1 if failed else 0)


class Counting:
    """Passes everything to an exporter and counts what it could not deliver: the SDK's processors only log that."""

    def __init__(self, exporter, success):
        self.exporter, self.success, self.failed = exporter, success, 0

    def export(self, batch):
        result = self.exporter.export(batch)
        if result is not self.success:
            self.failed += len(batch)
        return result

    def __getattr__(self, name):
        return getattr(self.exporter, name)
