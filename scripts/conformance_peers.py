"""The peers of scripts/satellite-conformance: a person, who asks the hub's REST, and what stands between the satellite and the hub."""

import asyncio
import json
import sys
import time
import urllib.error
import urllib.request
import uuid

import websockets
from websockets.asyncio.client import connect

# Longest wait for what a satellite has to do by itself, such as coming back after its socket was cut.
PATIENCE_S = 30
# How long is listened for what must not come.
SILENCE_S = 1.5
PROTOCOL = "hub.satellite.v1"
UP, DOWN = "up", "down"


class Failed(Exception):
    """The satellite does not keep a rule."""


class Person:
    """What the hub's REST is asked for: a device of its own, commands, and what became of them."""

    def __init__(self, url, token):
        self.url, self.token = url.rstrip("/"), token

    async def ask(self, method, path, body=None):
        return await asyncio.to_thread(self.ask_now, method, path, body)

    def ask_now(self, method, path, body):
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json", "idempotency-key": str(uuid.uuid4())}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/v1/agents/self/{path}".rstrip("/"), data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=15) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as refused:
            sys.exit(f"satellite-conformance: the hub answers {refused.code} to {method} {path}: {refused.read(2000).decode()}")
        except OSError as error:
            sys.exit(f"satellite-conformance: no hub at {self.url}: {error}")


class Between:
    """Stands between a satellite and the hub. Each frame passes the filters of its way: one returns it, or nothing to drop it."""

    def __init__(self, hub):
        self.hub, self.frames, self.sockets, self.asked = hub, [], [], []
        self.filters, self.news = {UP: [], DOWN: []}, asyncio.Condition()
        self.refuses_with = None

    async def meet(self, satellite):
        self.asked.append((time.monotonic(), satellite.subprotocol))
        if self.refuses_with:
            await satellite.close(*self.refuses_with)
            return
        headers = {name: satellite.request.headers[name] for name in ("authorization",) if name in satellite.request.headers}
        async with connect(self.hub, subprotocols=[PROTOCOL], additional_headers=headers, ping_interval=None) as hub:
            self.sockets.append((satellite, hub))
            ways = [asyncio.create_task(self.pass_on(satellite, hub, UP)), asyncio.create_task(self.pass_on(hub, satellite, DOWN))]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            # What the hub closes with, the satellite is told.
            await satellite.close(hub.close_code if hub.close_code and hub.close_code >= 3000 else 1000)

    async def pass_on(self, source, target, way):
        try:
            async for text in source:
                frame = json.loads(text)
                async with self.news:
                    self.frames.append((len(self.sockets), way, frame))
                    self.news.notify_all()
                for look in list(self.filters[way]):
                    frame = frame and await look(frame)
                if frame:
                    await target.send(json.dumps(frame))
        except websockets.ConnectionClosed:
            pass

    async def say(self, frame):
        """A frame to the satellite that the hub does not know of."""
        await self.sockets[-1][0].send(json.dumps(frame))

    async def cut(self):
        for socket in self.sockets[-1]:
            socket.transport.abort()

    async def sees(self, what, way, since=0, within=PATIENCE_S, **fields):
        """Waits for a frame with these fields, the first after so many; returns it and its place."""
        def find():
            for place, (_, went, frame) in enumerate(self.frames[since:], since):
                if went == way and all(frame.get(name) == value for name, value in fields.items()):
                    return place, frame
            return None

        try:
            async with self.news:
                await asyncio.wait_for(self.news.wait_for(find), within)
            return find()
        except asyncio.TimeoutError:
            raise Failed(f"{what} did not come within {within:.0f} s") from None

    async def never(self, what, way, since, **fields):
        try:
            await self.sees(what, way, since, SILENCE_S, **fields)
        except Failed:
            return
        raise Failed(f"{what} came")
