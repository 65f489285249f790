#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""usage: tokens.py print KEY CERTIFICATE REPOSITORY
       tokens.py serve KEY CERTIFICATE PORT IDENTITY_TOKEN

The token service of a registry with `auth: token` (issuer test-issuer, service test-service), which trusts CERTIFICATE:
prints a token that lets its bearer pull from REPOSITORY, or gives such tokens on 127.0.0.1:PORT to whoever has
IDENTITY_TOKEN, and to nobody else.
"""

import base64
import http.server
import json
import subprocess
import sys
import time
import urllib.parse
import uuid


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def make_token(key, certificate, repositories):
    der = subprocess.run(["openssl", "x509", "-in", certificate, "-outform", "DER"], check=True, capture_output=True).stdout
    header = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(der).decode()]}
    now = int(time.time())
    claims = {
        "iss": "test-issuer", "sub": "alice", "aud": "test-service",
        "iat": now - 60, "nbf": now - 60, "exp": now + 3600, "jti": str(uuid.uuid4()),
        "access": [{"type": "repository", "name": name, "actions": ["pull"]} for name in repositories],
    }
    signed = encoded(json.dumps(header).encode()) + b"." + encoded(json.dumps(claims).encode())
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=signed, check=True,
                               capture_output=True).stdout
    return (signed + b"." + encoded(signature)).decode()


def make_handler(key, certificate, identity_token):
    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self, status, body):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def body(self):
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers["Content-Length"]))
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def do_GET(self):
            self.answer(401, {"details": "an identity token is needed"})

        def do_POST(self):
            form = urllib.parse.parse_qs(self.body().decode())
            if form.get("grant_type") != ["refresh_token"] or form.get("refresh_token") != [identity_token]:
                self.answer(401, {"details": "wrong identity token"})
                return
            scopes = " ".join(form.get("scope", [])).split()
            token = make_token(key, certificate, [scope.split(":")[1] for scope in scopes])
            self.answer(200, {"access_token": token, "token": token, "expires_in": 3600})

        def log_message(self, *_):
            pass

    return Handler


def main():
    verb, key, certificate = sys.argv[1:4]
    if verb == "print":
        print(make_token(key, certificate, [sys.argv[4]]))
    else:
        handler = make_handler(key, certificate, sys.argv[5])
        http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[4])), handler).serve_forever()


main()
