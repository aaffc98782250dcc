"""Tests a satellite against the rules of hub.satellite.v1. It stands between the satellite and a real hub, where it sees each
frame, and holds back, drops and adds some. See scripts/satellite-conformance."""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
import uuid

import websockets
from websockets.asyncio.server import serve

from conformance_peers import DOWN, PATIENCE_S, PROTOCOL, UP, Between, Failed, Person


class Trial:
    """The rules, one a method, in the order in which they are tried. Each begins with a connected satellite."""

    def __init__(self, args, person, between):
        self.args, self.person, self.between = args, person, between
        self.device, self.satellite, self.kind = None, None, args.kind

    @property
    def here(self):
        return len(self.between.frames)

    async def is_connected(self, since=0):
        return await self.between.sees("a welcome", DOWN, since, type="welcome")

    async def command(self, **more):
        body = {"device_id": self.device, "kind": self.kind, "arguments": json.loads(self.args.arguments), **more}
        return (await self.person.ask("POST", "commands", body))["id"]

    async def outcome(self, command):
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            found = await self.person.ask("GET", f"commands/{command}")
            if found["state"] not in ("queued", "sent", "acknowledged"):
                return found
            await asyncio.sleep(0.1)
        raise Failed(f"the command has no end after {PATIENCE_S} s: it is {found['state']}")

    def until_dropped(self, way, **fields):
        """Drops the first frame with these fields; the result is set when it has come."""
        dropped = asyncio.get_running_loop().create_future()

        async def look(frame):
            if not dropped.done() and all(frame.get(name) == value for name, value in fields.items()):
                dropped.set_result(frame)
                self.between.filters[way].remove(look)
                return None
            return frame

        self.between.filters[way].append(look)
        return dropped

    async def within(self, what, future):
        try:
            return await asyncio.wait_for(future, PATIENCE_S)
        except asyncio.TimeoutError:
            raise Failed(f"{what} did not come within {PATIENCE_S} s") from None

    async def is_there(self):
        """The satellite runs, and is connected when it was before."""
        if self.satellite.returncode is not None:
            raise Failed(f"it has ended with the exit code {self.satellite.returncode}")
        if self.between.sockets and self.between.sockets[-1][0].close_code is not None:
            await self.is_connected(self.here)

    async def greets(self):
        """it asks for the protocol and begins with hello"""
        place, hello = await self.between.sees("hello", UP, type="hello")
        if self.between.asked[0][1] != PROTOCOL:
            raise Failed(f"it does not offer {PROTOCOL} in Sec-WebSocket-Protocol")
        if any(way == UP for _, way, _ in self.between.frames[:place]):
            raise Failed("something came before hello")
        kinds = [capability["kind"] for capability in hello.get("capabilities", [])]
        self.kind = self.kind or next(iter(kinds), None)
        if self.kind not in kinds:
            raise Failed(f"its hello does not declare {self.kind or 'any kind'}; it declares {kinds}")
        await self.is_connected()

    async def does(self):
        """a command is acknowledged, done and answered"""
        command = await self.command()
        place, _ = await self.between.sees("command_ack", UP, type="command_ack", command_id=command)
        await self.between.sees("command_result", UP, place, type="command_result", command_id=command)
        found = await self.outcome(command)
        if found["state"] != "succeeded":
            raise Failed(f"it is {found['state']}: {found.get('error')}; give arguments that it can do with --arguments")

    async def waits_for_the_acknowledgement(self):
        """nothing is begun before the hub has accepted the acknowledgement"""
        since = self.here
        dropped = self.until_dropped(DOWN, type="accepted", of="ack")
        command = await self.command()
        accepted = await self.within("command_ack", dropped)
        await self.between.never("a result before its acknowledgement was accepted", UP, since, type="command_result", command_id=command)
        await self.between.say(accepted)
        await self.outcome(command)

    async def acknowledges_again(self):
        """a command whose acknowledgement was lost comes again and is acknowledged again"""
        since = self.here
        dropped = self.until_dropped(UP, type="command_ack")
        command = await self.command()
        await self.within("command_ack", dropped)
        await self.between.cut()
        place, again = await self.between.sees("the command", DOWN, since + 1, type="command", command_id=command, attempt=2)
        await self.between.sees("command_ack", UP, place, type="command_ack", command_id=command)
        if (await self.outcome(command))["state"] != "succeeded":
            raise Failed("it was not done")

    async def answers_what_is_open(self):
        """a command that stands in open_commands is answered"""
        since = self.here
        dropped = self.until_dropped(DOWN, type="accepted", of="ack")
        command = await self.command()
        await self.within("command_ack", dropped)
        await self.between.cut()
        place, _ = await self.is_connected(since)
        await self.between.sees("command_result", UP, place, type="command_result", command_id=command)
        state = (await self.outcome(command))["state"]
        if state not in ("succeeded", "unknown"):
            raise Failed(f"it is {state}")

    async def keeps_a_result(self):
        """a result is kept until the hub has it, and sent again as it was"""
        since = self.here
        dropped = self.until_dropped(UP, type="command_result")
        command = await self.command()
        first = await self.within("command_result", dropped)
        await self.between.cut()
        place, _ = await self.is_connected(since)
        _, again = await self.between.sees("command_result", UP, place, type="command_result", command_id=command)
        if first != again:
            raise Failed(f"another result came: {again} after {first}")

    async def does_it_once(self):
        """a command that comes again after it was done is answered with the same result"""
        command, arguments = str(uuid.uuid4()), json.loads(self.args.arguments)
        first = await self.invented(self.kind, command, arguments)
        again = await self.invented(self.kind, command, arguments)
        if first != again or first["status"] != "ok":
            raise Failed(f"another result came: {again} after {first}")

    async def refuses_what_it_cannot(self):
        """a kind that it does not know is answered unsupported"""
        result = await self.invented(f"conformance.{uuid.uuid4().hex[:8]}")
        if result["status"] != "unsupported":
            raise Failed(f"it answered {result['status']}")

    async def bears_a_busy_hub(self):
        """what a busy hub refuses is sent again, as it was"""
        since, command = self.here, str(uuid.uuid4())
        result = await self.invented(self.kind, command, json.loads(self.args.arguments), busy={"ack", "result"})
        sent = [frame for _, way, frame in self.between.frames[since:] if way == UP and frame.get("command_id") == command]
        if result["status"] != "ok" or [frame for frame in sent if frame["type"] == "command_result"] != [result, result]:
            raise Failed(f"it sent {sent}")

    async def invented(self, kind, command=None, arguments=None, then=None, busy=()):
        """A command that the hub does not know of, answered here, first by busy where that is said; returns its result."""
        command, since, left = command or str(uuid.uuid4()), self.here, set(busy)

        async def answer(frame):
            if frame.get("command_id") != command:
                return frame
            of = {"command_ack": "ack", "command_result": "result"}.get(frame["type"])
            if of in left:
                left.discard(of)
                await self.between.say({"type": "rejected", "command_id": command, "of": of, "code": "busy", "detail": "try again"})
            elif of == "ack" and then:
                await self.between.say({"type": then, "command_id": command})
            elif of:
                await self.between.say({"type": "accepted", "command_id": command, "of": of})
            return None

        self.between.filters[UP].append(answer)
        try:
            await self.between.say({"type": "command", "command_id": command, "seq": 1 << 40, "kind": kind, "attempt": 1,
                                    "arguments": arguments or {}, "deadline_at": "2099-01-01T00:00:00Z", "of_a_newer_hub": True})
            place, result = await self.between.sees("command_result", UP, since, type="command_result", command_id=command)
            if "result" in busy:
                _, result = await self.between.sees("the result again", UP, place + 1, type="command_result", command_id=command)
            return result
        finally:
            self.between.filters[UP].remove(answer)

    async def stops(self):
        """a command that is cancelled before it was begun is answered cancelled"""
        result = await self.invented(self.kind, then="command_cancel")
        if result["status"] != "cancelled":
            raise Failed(f"it answered {result['status']}")

    async def bears_what_is_new(self):
        """frames and fields of a newer hub do no harm"""
        sockets = len(self.between.sockets)
        await self.between.say({"type": "x_of_a_newer_hub", "with": ["anything"]})
        # New to a satellite that has no state; one that has some may say that it has dealt with it.
        await self.between.say({"type": "desired", "version": 0, "delta": {"x_of_a_newer_hub": {"is": [None]}}, "and": 1})
        await self.does()
        if len(self.between.sockets) != sockets:
            raise Failed("it left")

    async def says_it_again(self):
        """an event that was not answered is sent again with the same id and content"""
        since = self.here
        lost = asyncio.get_running_loop().create_future()

        async def look(frame):
            if "client_id" in frame and not lost.done():
                lost.set_result(frame)
                return None
            return frame

        self.between.filters[DOWN].append(look)
        self.satellite.stdin.write(b"conformance\n")
        _, first = await self.between.sees("an event", UP, since, type="event")
        await self.within("the hub's answer", lost)
        self.between.filters[DOWN].remove(look)
        await self.between.cut()
        place, _ = await self.is_connected(since)
        _, again = await self.between.sees("the event", UP, place, type="event", client_id=first["client_id"])
        if {**again, "occurred_at": None} != {**first, "occurred_at": None}:
            raise Failed(f"another event came: {again} after {first}")
        await self.between.sees("duplicate", DOWN, place, type="duplicate", client_id=first["client_id"])

    async def is_alive(self):
        """the hub hears something of it within two heartbeats"""
        _, welcome = await self.is_connected()
        since, sockets = self.here, len(self.between.sockets)
        await asyncio.sleep(2 * welcome["heartbeat_s"] + 1)
        if len(self.between.sockets) != sockets or not any(way == UP for _, way, _ in self.between.frames[since:]):
            raise Failed(f"silence for {2 * welcome['heartbeat_s']} s; send ping")

    async def comes_back_when_told(self):
        """after goodbye it comes back, and not before it was told to"""
        since, asked, wait_s = self.here, len(self.between.asked), 3
        await self.between.say({"type": "goodbye", "reason": "restart", "reconnect_after_ms": 1000 * wait_s})
        said_at = time.monotonic()
        await self.between.sockets[-1][0].close(4030)
        await self.is_connected(since)
        if (came := self.between.asked[asked][0] - said_at) < wait_s - 0.3:
            raise Failed(f"it came back after {came:.1f} s; it was told {wait_s} s")

    async def stays_away(self):
        """after it was revoked it does not come back"""
        self.between.refuses_with = (4011, "revoked")
        asked = len(self.between.asked)
        await self.between.sockets[-1][0].close(4011, "revoked")
        await asyncio.sleep(6)
        if len(self.between.asked) != asked:
            raise Failed("it came back")

    async def start(self, command, port):
        token = (await self.person.ask("GET", "spaces?limit=1"))["items"]
        name = f"conformance-{uuid.uuid4().hex[:8]}"
        made = await self.person.ask("POST", "devices", {"name": name, "space_id": token[0]["id"]})
        self.device = made["device"]["id"]
        url = f"ws://127.0.0.1:{port}/v1/satellites/connect"
        credentials = os.path.join(self.args.home, f"{name}.json")
        with open(credentials, "w", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            agent = await self.person.ask("GET", "")
            json.dump({"url": url, "token": made["token"], "name": name, "device_id": self.device, "agent_id": agent["id"]}, file)
        known = {"url": url, "credentials": credentials, "home": self.args.home, "python": sys.executable}
        log = open(os.path.join(self.args.home, "satellite.log"), "wb")
        self.satellite = await asyncio.create_subprocess_exec(
            *[word.format(**known) for word in command], stdin=asyncio.subprocess.PIPE, stdout=log, stderr=log,
            env=os.environ | {"HUB_DEVICE_TOKEN": made["token"], "HUB_URL": url})

    async def stop(self):
        if self.satellite and self.satellite.returncode is None:
            self.satellite.terminate()
            await self.satellite.wait()
        if self.device:
            await self.person.ask("DELETE", f"devices/{self.device}")

    def rules(self):
        rules = [self.greets, self.does, self.waits_for_the_acknowledgement, self.acknowledges_again, self.answers_what_is_open,
                 self.keeps_a_result, self.does_it_once, self.refuses_what_it_cannot, self.stops, self.bears_what_is_new, self.bears_a_busy_hub]
        rules += [self.says_it_again] if self.args.stdin else []
        rules += [self.is_alive] if self.args.slow else []
        return rules + [self.comes_back_when_told, self.stays_away]


async def run(args):
    person = Person(args.url, args.token)
    between = Between(args.url.replace("http", "ws", 1).rstrip("/") + "/v1/satellites/connect")
    trial, broken = Trial(args, person, between), 0
    async with serve(between.meet, "127.0.0.1", 0, subprotocols=[PROTOCOL], ping_interval=None) as server:
        try:
            await trial.start(args.command, server.sockets[0].getsockname()[1])
            for rule in trial.rules():
                try:
                    await trial.is_there()
                    await rule()
                    print(f"ok      {rule.__doc__}", flush=True)
                except (Failed, websockets.ConnectionClosed) as why:
                    broken += 1
                    ended = trial.satellite.returncode
                    why = why if ended is None else f"it has ended with the exit code {ended}"
                    print(f"BROKEN  {rule.__doc__}: {why}", flush=True)
                    if rule == trial.greets or trial.satellite.returncode is not None:
                        break
        finally:
            await trial.stop()
    print(f"{broken} rules are broken; the satellite's output is in {args.home}/satellite.log" if broken else "all rules are kept")
    return 1 if broken else 0


def main():
    parser = argparse.ArgumentParser(prog="scripts/satellite-conformance", description=__doc__)
    parser.add_argument("--kind", help="a kind that it can do (default: the first that it declares)")
    parser.add_argument("--arguments", default='{"text": "conformance"}', help="arguments of that kind, JSON (default: %(default)s)")
    parser.add_argument("--stdin", action="store_true", help="it says what it reads from its standard input")
    parser.add_argument("--slow", action="store_true", help="try the heartbeat, too, which takes a minute")
    parser.add_argument("url", help="the hub, such as http://127.0.0.1:8080")
    parser.add_argument("token", help="of a person who may add devices, as `hub token` prints it; - where HUB_TOKEN holds it")
    parser.add_argument("command", nargs="+", help="what starts the satellite; {url}, {credentials}, {home} and {python} are filled in")
    args = parser.parse_args()
    args.token = os.environ.get("HUB_TOKEN", "") if args.token == "-" else args.token
    args.home = tempfile.mkdtemp(prefix="conformance-")
    try:
        sys.exit(asyncio.run(run(args)))
    except (OSError, KeyError, IndexError, ValueError) as wrong:
        sys.exit(f"satellite-conformance: the satellite cannot be started by {args.command}: {wrong!r}")


if __name__ == "__main__":
    main()
