"""The health check of the images: `python -m cathouse_kit.healthcheck`.

It exits with 0 if the service at port $PORT of this machine was ready once, and responds. A service whose database is
away stays healthy, because a restart would not help. A new one does not become healthy until its database responds.

Engines run it every few seconds, so it imports nothing but `http.client`.
"""

import http.client
import os
import sys

_SECONDS = 5


def main() -> None:
    port = os.environ.get("PORT", "")
    if not port.isdecimal():
        sys.exit("healthcheck needs a port number in PORT: set PORT to the port of the service")
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=_SECONDS)
    try:
        connection.request("GET", "/health/started")
        status = connection.getresponse().status
    except OSError as error:
        sys.exit(f"port {port} does not respond: {error}")
    if status != http.client.OK:
        sys.exit(f"the service at port {port} was never ready: status {status}")


if __name__ == "__main__":
    main()
