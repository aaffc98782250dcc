"""Replays a recording of people talking through two satellites into a hub of its own, counts what went in and what came out,
and asks it questions. Everything listens on 127.0.0.1, and what it starts it stops."""

import argparse
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from datetime import datetime, timedelta, timezone

from replay_peers import PLACES, PROPOSES_EVERY, REPLIES_EVERY, Model, Person, Satellite, chosen

ROOT = pathlib.Path(__file__).resolve().parent.parent
# What came a second time: this many lines.
AGAIN = 200
# Longest wait for anything that makes no progress.
PATIENCE_S = 90
# Largest recording, and longest line of it.
MOST_LINES, MOST_BYTES = 200_000, 16_000

EXAMPLES = """\
The recording: JSON lines with n, t_s (seconds), speaker, place (spacecraft or ground) and text.
The questions: JSON lines with question, and expect: words of which one must be in what is found (lower case).
Those in scripts/replay-apollo13-questions.jsonl are about the air-to-ground talk of Apollo 13.

  HUB_BIN            the program (default: target/debug/hub)
  HUB_EMBEDDINGS__…  an embedding model for the hub, such as that of scripts/embeddings: then questions are asked of both lanes

Examples:
  scripts/replay talk.jsonl                                   with the offline rules
  scripts/replay talk.jsonl --model --kill                    with a scripted model, and the hub killed half way
  scripts/replay talk.jsonl --lines 500 --speed 600           ten minutes in a second
  scripts/replay talk.jsonl --model --ask questions.jsonl     and then questions, with what recall finds
"""


def say(text):
    print(text, file=sys.stderr, flush=True)


def die(text):
    sys.exit(f"replay: {text}")


# --- The replay ---------------------------------------------------------------------------------------------------------


class Replay:
    def __init__(self, args):
        self.args, self.lines = args, read_lines(args.file, args.lines)
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="replay-"))
        self.dir = self.home / ".hub"
        self.port, self.process, self.database = free_port(), None, None
        self.url = f"http://127.0.0.1:{self.port}"
        built = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "debug/hub"
        # The hub starts in a folder of its own.
        self.bin = os.path.abspath(os.environ.get("HUB_BIN") or built)
        self.model = Model() if args.model else None
        # What was said when is a claim; it has to lie in the last year.
        self.base = datetime.now(timezone.utc) - timedelta(days=30)
        self.began = None

    def postgres(self, *arguments):
        command = [str(ROOT / "scripts/postgres"), "--dir", str(ROOT / ".hub/test"), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout

    def sql(self, query):
        rows = self.postgres("psql", "--quiet", "-At", "-F", "\t", f"--dbname={self.database}", "-c", query)
        return [row.split("\t") for row in rows.splitlines()]

    def one(self, query):
        return self.sql(query)[0][0]

    def environment(self):
        known = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        known |= {
            "HUB_DIR": str(self.dir), "HUB_HTTP__LISTEN": f"127.0.0.1:{self.port}", "DATABASE_URL": self.database_url,
            "HUB_BOOTSTRAP__SPACES": json.dumps(PLACES), "HUB_LOG__FILTER": "warn", "HUB_WORKER__LEASE_MS": "3000",
        }
        known |= {name: value for name, value in os.environ.items() if name.startswith("HUB_EMBEDDINGS__")}
        if self.model:
            known["HUB_MODEL__BASE_URL"] = f"http://127.0.0.1:{self.model.server_port}/v1"
        return known

    def hub(self, *arguments, given=None):
        done = subprocess.run([self.bin, *arguments], check=True, capture_output=True, text=True, input=given,
                              env=self.environment(), cwd=self.home, timeout=120)
        return done.stdout

    def prepare(self):
        name = f"replay_{os.getpid()}"
        self.postgres("psql", "--quiet", "-c", f"create database {name}")
        self.database = name
        self.database_url = os.environ["HUB_TEST_DATABASE_URL"].rsplit("/", 1)[0] + f"/{name}"
        self.start()
        code = (self.dir / "claim-code").read_text().strip()
        self.hub("login", "--url", self.url, "--code", code, "--name", "flight", "--password-stdin",
                 given="correct horse battery\n")

    def start(self):
        with open(self.home / "hub.log", "ab") as log:
            self.process = subprocess.Popen([self.bin, "serve", "--migrate", "--bootstrap"], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, env=self.environment(), cwd=self.home)
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=5):
                    return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    die("the hub does not start:\n" + (self.home / "hub.log").read_text()[-4000:])
                time.sleep(0.05)

    def is_time(self, line):
        if not self.args.speed:
            return True
        return (line["t_s"] - self.lines[0]["t_s"]) / self.args.speed <= time.monotonic() - self.began

    def event(self, line):
        at = (self.base + timedelta(seconds=line["t_s"])).isoformat()
        return {"client_id": f"line-{line['n']}", "event_type": "transcript", "occurred_at": at,
                "payload": {"text": line["text"], "participant": line["speaker"]}}

    def run(self):
        self.began = time.monotonic()
        self.satellites = [Satellite(self, place) for place in PLACES]
        self.person = Person(self)
        for thread in (*self.satellites, self.person):
            thread.start()
        self.wait("said", self.unsaid, kill_at=len(self.lines) // 2 if self.args.kill else None)
        self.said_s = time.monotonic() - self.began
        self.again = [min(AGAIN // 2, len(satellite.lines)) for satellite in self.satellites]
        for satellite, count in zip(self.satellites, self.again):
            satellite.says_again(count)
        self.wait("said again", self.unsaid)
        self.wait("thought about", self.open_work)
        self.took_s = time.monotonic() - self.began

    def unsaid(self):
        return sum(len(satellite.todo) + len(satellite.unanswered) for satellite in self.satellites)

    def open_work(self):
        return int(self.one(
            "select (select count(*) from hub.jobs where state in ('queued', 'leased'))"
            " + (select count(*) from hub.turns where state in ('queued', 'running', 'waiting'))"
            " + (select count(*) from hub.actions where state in ('proposed', 'approved', 'executing'))"
            " + (select count(*) from hub.commands where state in ('queued', 'sent', 'acknowledged'))")) + self.unembedded()

    def unembedded(self):
        if not (dimensions := os.environ.get("HUB_EMBEDDINGS__DIMENSIONS")):
            return 0
        return int(self.one(f"select (select count(*) from hub.memories) - (select count(*) from hub.embeddings_{int(dimensions)})"))

    def wait(self, what, left, kill_at=None):
        """Until nothing is left, with a line of progress now and then, and no longer than nothing moves."""
        last, moved_at, told_at = None, time.monotonic(), 0.0
        while now_left := left():
            if kill_at is not None and now_left <= kill_at:
                kill_at = None
                self.kill()
            # What was thought about may leave more to do: memories that lack their embeddings.
            if now_left != last:
                last, moved_at = now_left, time.monotonic()
            if time.monotonic() - moved_at > PATIENCE_S + (self.longest_pause() if what == "said" else 0):
                die(f"nothing moves: {now_left} left to be {what}; see {self.home}/hub.log")
            if time.monotonic() - told_at > 10:
                told_at = time.monotonic()
                say(f"  {now_left} left to be {what}, {told_at - self.began:.0f} s")
            if self.process.poll() is not None:
                die(f"the hub ended by itself; see {self.home}/hub.log")
            time.sleep(0.02 if what == "said" else 0.3)

    def longest_pause(self):
        if not self.args.speed:
            return 0
        times = [line["t_s"] for line in self.lines]
        return max((b - a for a, b in zip(times, times[1:])), default=0) / self.args.speed

    def kill(self):
        say(f"  killing the hub with {self.unsaid()} lines left")
        self.process.kill()
        self.process.wait()
        self.start()

    def stop(self):
        """The satellites and the person leave, and the hub ends well."""
        for thread in (*self.satellites, self.person):
            thread.is_over.set()
        for thread in (*self.satellites, self.person):
            thread.join(10)
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(30) != 0:
            die("the hub did not end well")
        self.process = None

    def clean(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.database:
            self.postgres("psql", "--quiet", "-c", f"drop database if exists {self.database} with (force)")

    # What went in, what came out ----------------------------------------------------------------------------------------

    def counts(self):
        """Rows of: what, how many, and how many there must be (none: only told)."""
        lines, rows = len(self.lines), []
        answers = sum((satellite.answers for satellite in self.satellites), Counter())
        resent = sum(satellite.resent for satellite in self.satellites)
        count = lambda table, condition="true": int(self.one(f"select count(*) from hub.{table} where {condition}"))
        told = lambda what, number, must=None: rows.append((what, number, must))
        told("lines sent, each once", lines)
        told("lines sent once more, on purpose", sum(self.again))
        told("lines sent again after a lost answer", resent)
        told("answers", sum(answers.values()), lines + sum(self.again))
        told("accepted or, where the answer was lost, duplicate", answers["accepted"] + answers["duplicate"], lines + sum(self.again))
        told("duplicate", answers["duplicate"])
        told("rejected or discarded", answers["rejected"] + answers["discarded"], 0)
        told("contradicting answers", sum(len(satellite.refused) for satellite in self.satellites), 0)
        told("transcripts in the log", count("events", "type = 'transcript'"), lines)
        told("  of them as the satellite was told", self.matching(), lines)
        in_order = self.one(
            "select count(*) from (select substring(client_id from 6)::int as n, lag(substring(client_id from 6)::int)"
            " over (partition by device_id order by position) as before from hub.events where type = 'transcript') as each where n < before")
        told("  of them out of order", int(in_order), 0)
        told("events in all", count("events"))
        told("gaps in positions", int(self.one("select max(position) - count(*) from hub.events")), 0)
        told("inputs of ended turns", int(self.one(
            "select count(distinct i.event_id) from hub.turn_inputs i join hub.turns t on t.id = i.turn_id"
            " where t.state in ('planned', 'skipped')")), lines)
        for state, number in self.sql("select state, count(*) from hub.turns group by state order by state"):
            told(f"turns {state}", int(number), 0 if state not in ("planned", "skipped") else None)
        told("memories", count("memories", "tier = 'episodic'"), lines if self.model else None)
        for state, number in self.sql("select kind || ' ' || state, count(*) from hub.jobs group by 1 order by 1"):
            told(f"jobs {state}", int(number), None if state.endswith("done") else 0)
        told("jobs taken up after their worker was lost", count("jobs", "lost_leases > 0"))
        proposing = sum(chosen(line["text"], PROPOSES_EVERY) for line in self.lines) if self.model else None
        replying = len(self.replying_turns()) if self.model else None
        told("actions proposed", count("actions"), proposing)
        told("  approved by the person", len(self.person.approved), count("actions"))
        told("  succeeded", count("actions", "state = 'succeeded'"), proposing)
        told("replies", count("commands", "kind = 'reply'"), replying)
        told("commands", count("commands"), count("actions") + count("commands", "kind = 'reply'"))
        told("  succeeded", count("commands", "state = 'succeeded'"), count("commands"))
        done = sum((satellite.done for satellite in self.satellites), Counter())
        told("  carried out by a satellite", len(done), count("commands"))
        told("  carried out more than once", sum(times > 1 for times in done.values()), 0)
        told("  sent more than once", count("commands", "attempts > 1"))
        told("audit entries", count("audit_entries"))
        told("  with their place in the log", count("audit_sequence"), count("audit_entries"))
        return rows

    def replying_turns(self):
        """The turns with a line that the model answers."""
        texts = {f"line-{line['n']}": line["text"] for line in self.lines}
        inputs = self.sql("select i.turn_id, e.client_id from hub.turn_inputs i join hub.events e on e.id = i.event_id"
                          " where e.type = 'transcript'")
        return {turn for turn, client in inputs if chosen(texts[client], REPLIES_EVERY)}

    def matching(self):
        told = {client: event for satellite in self.satellites for client, event in satellite.events.items()}
        kept = self.sql("select client_id, id from hub.events where type = 'transcript'")
        return sum(told.get(client) == event for client, event in kept)

    def ask(self, questions):
        by_event = {event: client for satellite in self.satellites for client, event in satellite.events.items()}
        by_client = {f"line-{line['n']}": line for line in self.lines}
        answered = 0
        for number, asked in enumerate(questions, 1):
            found = json.loads(self.hub("recall", "--url", self.url, "--json", "--why", "--limit", "5", asked["question"]))["items"]
            hits = [item["memory"]["content"] for item in found]
            rank = next((at for at, text in enumerate(hits, 1) if any(word in text.lower() for word in asked["expect"])), None)
            answered += rank is not None
            print(f"\n{number}. {asked['question']}\n   {'found at place ' + str(rank) if rank else 'NOT FOUND among five'}"
                  f" (looked for: {', '.join(asked['expect'])})")
            for item in found:
                sources = [by_client.get(by_event.get(source["event_id"])) for source in item["why"]["sources"]]
                where = ", ".join(f"n {line['n']}, t_s {line['t_s']}, {line['speaker']}" for line in sources if line)
                words = item["why"]["words"]
                print(f"   {item['score']:.3f} [{where}] {item['memory']['content'][:230]!r}"
                      f" words: {json.dumps(words)[:160]}")
        print(f"\n{answered} of {len(questions)} questions found what was looked for among five")


def read_lines(path, most):
    lines = []
    with open(path, encoding="utf-8") as file:
        for text in file:
            line = json.loads(text)
            if len(text) > MOST_BYTES or line["place"] not in PLACES or not line["text"].strip():
                die(f"line {len(lines) + 1} is too long, of no known place, or empty")
            lines.append(line)
            if len(lines) > MOST_LINES:
                die(f"more than {MOST_LINES} lines")
            if most and len(lines) == most:
                break
    return lines or die("there is nothing to replay")


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/replay", description=__doc__, epilog=EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", metavar="FILE", help="the recording")
    parser.add_argument("--model", action="store_true", help="think with a scripted model instead of the offline rules")
    parser.add_argument("--kill", action="store_true", help="kill the hub once, half way, and start it again")
    parser.add_argument("--speed", type=float, default=0, metavar="N", help="so many times as fast as it was spoken; 0: as fast as it is taken")
    parser.add_argument("--batch", type=int, default=1, choices=range(1, 21), metavar="N", help="lines of one frame, and so of one turn, at most (1 to 20)")
    parser.add_argument("--lines", type=int, default=0, metavar="N", help="only the first so many lines")
    parser.add_argument("--ask", metavar="FILE", help="then ask these questions of what is remembered")
    parser.add_argument("--keep", action="store_true", help="keep the folder of the hub, with its log")
    return parser.parse_args()


def main():
    args = arguments()
    replay = Replay(args)
    if not os.path.exists(replay.bin):
        die("build the hub first: cargo build")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    is_good = False
    try:
        questions = [json.loads(line) for line in open(args.ask, encoding="utf-8")] if args.ask else []
        replay.prepare()
        say(f"replaying {len(replay.lines)} lines {'with a scripted model' if args.model else 'with the offline rules'}")
        replay.run()
        if questions:
            replay.ask(questions)
        replay.stop()
        rows = replay.counts()
        verified = subprocess.run([replay.bin, "audit", "verify"], capture_output=True, text=True, env=replay.environment(),
                                  cwd=replay.home, timeout=300)
        print(f"\nsaid in {replay.said_s:.1f} s ({len(replay.lines) / replay.said_s:.0f} lines/s),"
              f" all done after {replay.took_s:.1f} s ({len(replay.lines) / replay.took_s:.0f} lines/s)")
        for what, number, must in rows:
            mark = "" if must is None else "  =" if number == must else f"  WRONG: must be {must}"
            print(f"{number:>8}  {what}{mark}")
        print(verified.stdout.strip() or verified.stderr.strip())
        wrong = [row for row in rows if row[2] is not None and row[1] != row[2]]
        is_good = not wrong and verified.returncode == 0
        print("everything is equal that must be equal" if is_good else "SOMETHING IS NOT AS IT MUST BE")
    finally:
        replay.clean()
        if is_good and not args.keep:
            shutil.rmtree(replay.home, ignore_errors=True)
        else:
            say(f"the hub's folder is {replay.home}")
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
