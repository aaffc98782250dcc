#!/usr/bin/env python3
"""A satellite on one page, to start from: it says the lines that are typed, prints what the hub wants shown, and does each
command once. It needs Python 3.9 and the package websockets; scripts/satellite-conformance says whether it keeps the rules.

Example: HUB_DEVICE_TOKEN=… scripts/satellite-example.py ws://127.0.0.1:8080/v1/satellites/connect kitchen.journal"""

import asyncio
import contextlib
import json
import os
import random
import sqlite3
import sys
import uuid

import websockets

REFUSED_FOR_GOOD, IN_FLIGHT = {4010: "unauthorized", 4011: "revoked", 4012: "replaced"}, 16


class Journal:
    """What it must still know after a crash: each command as received, as started, or as ended with its result."""

    def __init__(self, path):
        os.umask(0o077)
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("create table if not exists steps (command_id primary key, step, content)")

    def note(self, command_id, step, content=None):
        self.db.execute("insert or replace into steps values (?, ?, ?)", (command_id, step, json.dumps(content)))

    def read(self, command_id):
        row = self.db.execute("select step, content from steps where command_id = ?", (command_id,)).fetchone()
        return (row[0], json.loads(row[1])) if row else (None, None)


def do(command):
    """The effect. Whoever adds a kind here names it in hello, too."""
    text = command["arguments"].get("text")
    if command["kind"] not in ("display.show", "reply"):
        return {"status": "unsupported", "error": {"code": "unsupported", "message": "this satellite does not know it"}}
    if not isinstance(text, str):
        return {"status": "error", "error": {"code": "invalid_arguments", "message": "text is missing"}}
    print(text, flush=True)
    return {"status": "ok", "result": {"characters": len(text)}}


class Satellite:
    def __init__(self, url, token, journal):
        self.url, self.token, self.journal = url, token, journal
        self.outbox, self.sent, self.socket, self.failures = {}, set(), None, 0

    async def send(self, kind, **fields):
        with contextlib.suppress(websockets.ConnectionClosed):  # Whoever reads the socket notices.
            await self.socket.send(json.dumps({"type": kind, **fields}))

    async def say(self, text):
        client_id = str(uuid.uuid4())
        self.outbox[client_id] = {"client_id": client_id, "event_type": "transcript", "payload": {"text": text}}
        await self.flush()

    async def flush(self):
        """Sends what waits, in order. What is not answered goes out again after the next welcome, with the same id."""
        for client_id, event in list(self.outbox.items()):
            if self.socket and client_id not in self.sent and len(self.sent) < IN_FLIGHT:
                self.sent.add(client_id)
                await self.send("event", **event)

    async def answer(self, command_id):
        """The hub has the acknowledgement: only now may anything happen, and it happens once."""
        step, content = self.journal.read(command_id)
        if step == "received":
            self.journal.note(command_id, "started")
            self.journal.note(command_id, "ended", content := do(content))
        elif step != "ended":  # It was started before a crash, or the journal is gone: nobody can say.
            content = {"status": "unknown", "error": {"code": "interrupted", "message": "it may have been done"}}
            self.journal.note(command_id, "ended", content)
        await self.send("command_result", command_id=command_id, **content)

    async def take(self, frame):
        kind, command_id, client_id = frame["type"], frame.get("command_id"), frame.get("client_id")
        is_busy, of_ack = frame.get("code") == "busy", frame.get("of") == "ack"
        if is_busy:
            await asyncio.sleep(1)  # And then the same again.
        if kind == "command" or (is_busy and of_ack):
            if self.journal.read(command_id)[0] is None:
                self.journal.note(command_id, "received", frame)
            await self.send("command_ack", command_id=command_id)
        elif kind == "command_cancel" or of_ack or (is_busy and command_id):
            if kind != "accepted" and self.journal.read(command_id)[0] in (None, "received"):
                self.journal.note(command_id, "ended", {"status": "cancelled"})  # The hub wants it no more, or gave it up.
            await self.answer(command_id)
        elif client_id:
            self.sent.discard(client_id)
            if not is_busy:
                self.outbox.pop(client_id, None)
            await self.flush()

    async def converse(self):
        await self.send("hello", capabilities=[{"kind": "display.show"}], software={"name": "example", "version": "1"})
        welcome = json.loads(await asyncio.wait_for(self.socket.recv(), 10))
        for command in welcome["open_commands"]:
            await self.answer(command["command_id"])
        self.failures = 0
        self.sent.clear()
        await self.flush()
        beat = asyncio.create_task(self.beat(welcome["heartbeat_s"]))
        try:
            while True:
                frame = json.loads(await asyncio.wait_for(self.socket.recv(), 2 * welcome["heartbeat_s"]))
                if frame["type"] == "goodbye":
                    return frame.get("reconnect_after_ms")
                await self.take(frame)
        finally:
            beat.cancel()

    async def beat(self, every_s):
        while True:
            await asyncio.sleep(every_s / 2)
            await self.send("ping")

    async def run(self):
        sent = {"subprotocols": ["hub.satellite.v1"], "additional_headers": {"authorization": f"Bearer {self.token}"}}
        while True:
            wait_ms, self.failures = None, min(self.failures + 1, 6)
            try:
                async with websockets.connect(self.url, **sent) as self.socket:
                    wait_ms = await self.converse()
                    await self.socket.wait_closed()
            except (OSError, KeyError, asyncio.TimeoutError, websockets.WebSocketException) as error:
                if isinstance(error, websockets.InvalidStatus) and error.response.status_code in (401, 403):
                    sys.exit("the hub does not accept this token")
            if (code := self.socket and self.socket.close_code) in REFUSED_FOR_GOOD:
                sys.exit(f"the hub does not want this satellite back: {REFUSED_FOR_GOOD[code]}")
            self.socket = None
            await asyncio.sleep(wait_ms / 1000 if wait_ms is not None else 2**self.failures * random.uniform(0.3, 0.6))


async def main():
    satellite = Satellite(sys.argv[1], os.environ["HUB_DEVICE_TOKEN"], Journal(sys.argv[2]))
    running, typed = asyncio.create_task(satellite.run()), asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(typed), sys.stdin)
    while line := await typed.readline():
        await satellite.say(line.decode().strip())
    await running


asyncio.run(main()) if len(sys.argv) == 3 and "HUB_DEVICE_TOKEN" in os.environ else sys.exit(__doc__)
