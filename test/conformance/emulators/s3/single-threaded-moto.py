"""Serves moto on loopback, at the port in the first argument.

moto's own server answers each request in a thread of its own. Its S3 does not lock, and loses
conditional writes that arrive at the same time.
"""

import sys

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

app = DomainDispatcherApplication(create_backend_app)
run_simple("127.0.0.1", int(sys.argv[1]), app, threaded=False)
