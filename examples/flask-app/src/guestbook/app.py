import json
import ssl
import sys
from importlib.metadata import version

import flask
import httpx


def create_app():
    app = flask.Flask(__name__)

    @app.get("/")
    def index():
        return flask.jsonify(message="hello", flask=version("flask"))

    return app


def main():
    """Asks itself for its first page, and says what it runs on."""
    transport = httpx.WSGITransport(app=create_app())
    with httpx.Client(transport=transport, base_url="http://guestbook") as client:
        answer = client.get("/").json()
    answer["arguments"] = sys.argv[1:]
    answer["program"] = sys.argv[0]
    answer["prefix"] = sys.prefix
    answer["path"] = sys.path
    print(json.dumps(answer))


def check():
    print("check", ssl.OPENSSL_VERSION.split()[0], *sys.argv[1:])
