#!/usr/bin/env python3
"""Holds a lock for as long as its input lasts, through the death of nodes.

    lock.py http://127.0.0.1:7180,http://127.0.0.1:7181 NAME [TTL]

The TTL is in seconds, 2 if nothing is said. It needs nothing but Python's own
library. The class below is a whole client: copy it, or talk to the nodes with grpcio
and the schema, lockstep/v1/lockstep.proto.

LOCKSTEP_TOKEN is the token to show, if the nodes ask for one, and
LOCKSTEP_TOKEN_FILE a file with it. SSL_CERT_FILE is whose certificates count.
"""

import json
import os
import secrets
import sys
import threading
import time
import urllib.error
import urllib.request


def clock():
    """Seconds on a clock that does not stop while the machine is suspended."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def token_to_show():
    """From the environment or a file: arguments are seen by everybody."""
    file = os.environ.get("LOCKSTEP_TOKEN_FILE")
    if not file or os.environ.get("LOCKSTEP_TOKEN"):
        return os.environ.get("LOCKSTEP_TOKEN")
    with open(file) as text:
        return text.read().strip()


class Failure(Exception):
    """What a node answers instead of doing what it was asked."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code


class Session:
    """A session with the cluster: any node takes any of its requests."""

    def __init__(self, nodes, ttl=10.0, info=None, secret=None):
        self.nodes = list(nodes)  # the one in front is asked first
        self.headers = {"Content-Type": "application/json"}
        if secret:
            self.headers["Authorization"] = f"Bearer {secret}"
        self.number = 0
        # Opening may be repeated, too: a nonce stands for one session.
        opening = {"ttl": f"{ttl}s", "info": info or {}, "nonce": str(secrets.randbits(63) | 1)}
        sent = clock()
        self.id = self.call("OpenSession", opening, within=ttl)["session"]
        self.ttl = ttl
        self.believe(sent)
        self.ended = threading.Event()
        threading.Thread(target=self.keep_alive, daemon=True).start()

    def call(self, method, request, within):
        """One request, sent again to the next node until one answers.

        What must not be executed twice has a slot and a number, and is executed
        once, however often and wherever it is sent.
        """
        body, end = json.dumps(request).encode(), clock() + within
        while True:
            try:
                return self.post(method, body, timeout=2)
            except Failure as failure:
                if failure.code not in ("unavailable", "deadline_exceeded") or clock() > end:
                    raise
            except OSError as broken:  # refused, cut off, or too slow
                if clock() > end:
                    raise Failure("unavailable", str(broken)) from broken
            self.nodes.append(self.nodes.pop(0))
            time.sleep(0.05)

    def post(self, method, body, timeout):
        url = f"{self.nodes[0]}/lockstep.v1.LockService/{method}"
        post = urllib.request.Request(url, body, self.headers)
        try:
            with urllib.request.urlopen(post, timeout=timeout) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            said = json.load(error)
            raise Failure(said["code"], said.get("message", "")) from None

    def keep_alive(self):
        """Tells the nodes every third of the TTL that this client lives."""
        while not self.ended.wait(self.ttl / 3):
            sent = clock()
            try:
                self.call("KeepAlive", {"session": self.id}, within=self.ttl / 3)
                self.believe(sent)
            except Failure:
                pass  # the next one may come through; else remaining() runs out

    def believe(self, sent):
        """An answer proves something about the moment at which it was asked for."""
        self.until = sent + self.ttl * 98 / 102

    def remaining(self):
        """For how many seconds this client may be certain of what it holds."""
        return self.until - clock()

    def acquire(self, name):
        """Waits for a lock, first come, first served, and returns its token."""
        self.number += 1
        request = {"session": self.id, "name": name, "slot": 0, "number": str(self.number), "wait": "1s"}
        while True:
            answer = self.call("TryAcquire", request, within=self.ttl)
            if "token" in answer:
                return answer["token"]
            if not answer.get("waiting"):
                raise Failure("refused", answer["refusal"]["message"])

    def release(self, name, token):
        """Gives a lock back, and says whether it was held until now."""
        self.number += 1
        request = {"session": self.id, "name": name, "token": token, "slot": 0, "number": str(self.number)}
        return self.call("Release", request, within=self.ttl).get("released", False)

    def close(self):
        self.ended.set()
        self.call("CloseSession", {"session": self.id}, within=self.ttl)


def main():
    nodes, name = sys.argv[1].split(","), sys.argv[2]
    ttl = float(sys.argv[3]) if len(sys.argv) > 3 else 2.0
    session = Session(nodes, ttl, info={"command": "lock.py"}, secret=token_to_show())
    token = session.acquire(name)
    print("held", token, flush=True)

    lasts = threading.Thread(target=sys.stdin.read, daemon=True)
    lasts.start()
    while lasts.is_alive():
        if session.remaining() <= 0:
            sys.exit("lost")  # at once: another may have it now
        lasts.join(0.02)

    print("released" if session.release(name, token) else "lost", flush=True)
    session.close()


if __name__ == "__main__":
    main()
