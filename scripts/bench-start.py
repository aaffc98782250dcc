"""Starts a hub a few times and says how long until it answers, and what it weighs when idle."""

import signal
import statistics
import subprocess
import sys
import time
import urllib.request


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as answer:
            return answer.status == 200
    except OSError:
        return False


def resident_mib(pid: int) -> float:
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        line = next(line for line in status if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def start(hub: str, port: int, idle_s: float) -> tuple[float, float]:
    began = time.monotonic()
    words = [hub, "serve", "--migrate", "--bootstrap"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not answers(port):
        if process.poll() is not None or time.monotonic() - began > 30:
            sys.exit("the hub did not start")
        time.sleep(0.002)
    took = time.monotonic() - began
    time.sleep(idle_s)
    weight = resident_mib(process.pid)
    process.send_signal(signal.SIGINT)
    process.wait(30)
    return took, weight


def main() -> None:
    hub, port = sys.argv[1], int(sys.argv[2])
    first, _ = start(hub, port, 0)
    print(f"first start, with migrations and bootstrap: {first * 1000:.0f} ms until /readyz is 200")
    later = [start(hub, port, 3) for _ in range(5)]
    times = [took * 1000 for took, _ in later]
    print(f"later starts: median {statistics.median(times):.0f} ms, max {max(times):.0f} ms (n {len(times)})")
    print(f"idle memory after 3 s: median {statistics.median(weight for _, weight in later):.1f} MiB resident")


main()
