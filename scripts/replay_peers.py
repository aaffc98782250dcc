"""Who talks to the hub in a replay: a scripted model, the satellites, and a person."""

import base64
import hashlib
import json
import secrets
import socket
import struct
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PLACES = ("spacecraft", "ground")
# Events that a satellite has unanswered at most; the hub allows 32 frames.
IN_FLIGHT = 16
# The scripted model proposes an action for one line in so many, and answers one in so many.
PROPOSES_EVERY, REPLIES_EVERY = 97, 41


def chosen(text, every):
    """One text in so many, always the same ones."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % every == 0


# --- The scripted model -------------------------------------------------------------------------------------------------


class Model(ThreadingHTTPServer):
    """Answers each turn in the strict shape of the Responses API: remembers every line, sometimes answers or proposes."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answering)
        self.calls = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        """A caller that was killed."""

    def plan(self, document):
        plan = {"reply": None, "to_do": [], "to_remember": []}
        devices = {device["space"]: device for device in document["devices"]}
        for line in document["inputs"]:
            text, space = line["text"], line["space"]
            told = len(text.split()) > 6 and any(letter.isdigit() for letter in text)
            plan["to_remember"].append({
                "tier": "episodic", "content": text[:2000], "importance": 0.6 if told else 0.4, "confidence": 0.9,
                "inputs": [line["input"]],
            })
            if chosen(text, REPLIES_EVERY):
                plan["reply"] = "Copy."
            other = devices.get(next(place for place in PLACES if place != space), {})
            if chosen(text, PROPOSES_EVERY) and other:
                arguments = {"device_id": other["device_id"], "kind": "speaker.say", "arguments": {"text": text[:500]}}
                plan["to_do"].append({
                    "tool": "device_command", "summary": f"Pass on to {other['space']}: {text[:200]}",
                    "arguments": json.dumps(arguments),
                })
        return plan


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        asked = json.loads(self.rfile.read(min(int(self.headers["content-length"]), 1 << 22)))
        text = json.dumps(self.server.plan(json.loads(asked["input"][0]["content"])))
        self.server.calls += 1
        answer = json.dumps({
            "id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": "scripted-1",
            "output": [{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
                        "content": [{"type": "output_text", "text": text, "annotations": []}]}],
            "usage": {"input_tokens": 1, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 1,
                      "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 2},
        }).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


# --- A satellite --------------------------------------------------------------------------------------------------------


class Gone(Exception):
    """The socket has ended; connect again."""


class Channel:
    """A WebSocket with JSON text frames (RFC 6455), client's side."""

    def __init__(self, port, token):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        self.socket.sendall(
            f"GET /v1/satellites/connect HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
            f"sec-websocket-version: 13\r\nsec-websocket-key: {key}\r\nsec-websocket-protocol: hub.satellite.v1\r\n"
            f"authorization: Bearer {token}\r\n\r\n".encode())
        self.read = b""
        while b"\r\n\r\n" not in self.read:
            self.more()
        head, self.read = self.read.split(b"\r\n\r\n", 1)
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise Gone(head.split(b"\r\n")[0].decode())

    def more(self):
        piece = self.socket.recv(65536)
        if not piece:
            raise Gone("closed")
        self.read += piece

    def send(self, frame, opcode=1):
        data = json.dumps(frame).encode() if opcode == 1 else frame
        size = len(data)
        head = bytes([0x80 | opcode])
        head += bytes([0x80 | size]) if size < 126 else struct.pack("!BH", 0xFE, size)
        mask = secrets.token_bytes(4)
        times = -(-size // 4)
        masked = int.from_bytes(data, "big") ^ int.from_bytes((mask * times)[:size], "big")
        self.socket.sendall(head + mask + masked.to_bytes(size, "big"))

    def frame(self, timeout):
        """The next message; none when nothing came in time."""
        self.socket.settimeout(timeout)
        try:
            while True:
                whole = self.whole()
                if whole is None:
                    self.more()
                    continue
                opcode, data = whole
                if opcode == 1:
                    return json.loads(data)
                if opcode == 8:
                    raise Gone("closed")
                if opcode == 9:
                    self.send(data, opcode=10)
        except TimeoutError:
            return None

    def whole(self):
        if len(self.read) < 2:
            return None
        size, at = self.read[1] & 0x7F, 2
        if size >= 126:
            width = 2 if size == 126 else 8
            if len(self.read) < 2 + width:
                return None
            size, at = int.from_bytes(self.read[2:2 + width], "big"), 2 + width
        if len(self.read) < at + size:
            return None
        opcode, data, self.read = self.read[0] & 0x0F, self.read[at:at + size], self.read[at + size:]
        return opcode, data


class Satellite(threading.Thread):
    """Says its lines in order, again whatever was not answered, and carries out each command once."""

    def __init__(self, replay, place):
        super().__init__(daemon=True)
        self.replay, self.place = replay, place
        self.lines = [line for line in replay.lines if line["place"] == place]
        self.todo, self.unanswered = list(reversed(self.lines)), {}
        self.events, self.answers, self.refused = {}, Counter(), []
        self.done, self.results, self.connections, self.resent = Counter(), {}, 0, 0
        self.is_over = threading.Event()
        token = json.loads((replay.dir / "satellites" / f"{place}.json").read_text())
        self.token = token["token"]

    def run(self):
        while not self.is_over.is_set():
            try:
                self.converse(Channel(self.replay.port, self.token))
            except (OSError, Gone):
                time.sleep(0.1)

    def converse(self, channel):
        channel.send({"type": "hello", "capabilities": [{"kind": "speaker.say"}],
                      "software": {"name": "replay", "version": "1"}})
        welcome = channel.frame(10)
        if not welcome or welcome["type"] != "welcome":
            raise Gone(str(welcome))
        self.connections += 1
        for event in list(self.unanswered.values()):
            self.resent += 1
            channel.send(event | {"type": "event"})
        for command in welcome["open_commands"]:
            # The hub waits for what came of it.
            if command["command_id"] in self.results:
                channel.send(self.results[command["command_id"]])
        while not self.is_over.is_set():
            while len(self.unanswered) < IN_FLIGHT and (events := self.next_batch()):
                self.unanswered |= {event["client_id"]: event for event in events}
                channel.send({"type": "events", "events": events} if len(events) > 1 else events[0] | {"type": "event"})
            frame = channel.frame(0.05 if self.todo else 0.5)
            if frame:
                self.take(channel, frame)
        channel.send(b"", opcode=8)

    def next_batch(self):
        events = []
        while len(events) < self.replay.args.batch and self.todo and self.replay.is_time(self.todo[-1]):
            events.append(self.replay.event(self.todo.pop()))
        return events

    def take(self, channel, frame):
        kind = frame["type"]
        if kind == "command":
            channel.send({"type": "command_ack", "command_id": frame["command_id"]})
        elif kind in ("accepted", "duplicate", "rejected", "discarded") and "client_id" in frame:
            if kind == "rejected" and frame.get("code") == "busy":
                event = self.unanswered[frame["client_id"]]
                self.resent += 1
                channel.send(event | {"type": "event"})
                return
            if self.unanswered.pop(frame["client_id"], None) is not None:
                self.answers[kind] += 1
            if kind in ("accepted", "duplicate"):
                first = self.events.setdefault(frame["client_id"], frame["event_id"])
                if first != frame["event_id"]:
                    self.refused.append(f"{frame['client_id']} is two events")
            else:
                self.refused.append(f"{frame['client_id']} {kind} {frame.get('detail', frame.get('reason'))}")
        elif kind == "accepted" and frame.get("of") == "ack":
            command = frame["command_id"]
            if command not in self.results:
                self.done[command] += 1
                self.results[command] = {"type": "command_result", "command_id": command, "status": "ok", "result": {"by": self.place}}
            channel.send(self.results[command])
        elif kind == "goodbye":
            raise Gone(frame.get("reason"))

    def says_again(self, count):
        self.todo[:0] = list(reversed(self.lines[:count]))


# --- The person ---------------------------------------------------------------------------------------------------------


class Person(threading.Thread):
    """Approves whatever is proposed, each action once."""

    def __init__(self, replay):
        super().__init__(daemon=True)
        self.replay, self.approved, self.token, self.is_over = replay, set(), None, threading.Event()
        self.token_at = 0

    def ask(self, method, path, body=None, key=None):
        if self.token is None or time.monotonic() - self.token_at > 240:
            self.token, self.token_at = self.replay.hub("token").strip(), time.monotonic()
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        if key:
            headers["idempotency-key"] = key
        url = f"{self.replay.url}/v1/agents/self/{path}"
        request = urllib.request.Request(url, json.dumps(body).encode() if body is not None else None, headers, method=method)
        with urllib.request.urlopen(request, timeout=15) as answer:
            return json.load(answer)

    def run(self):
        while not self.is_over.wait(0.5):
            try:
                for action in self.ask("GET", "actions?state=proposed&limit=200")["items"]:
                    self.ask("POST", f"actions/{action['id']}/approve", {}, f"replay-{action['id']}")
                    self.approved.add(action["id"])
            except (OSError, urllib.error.URLError, subprocess.CalledProcessError, KeyError):
                self.token = None
