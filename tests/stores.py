"""Object stores on this machine, spoken to by the real clients."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import boto3
import gcsfs
import pytest
import s3fs
from gcp_storage_emulator.server import create_server
from moto.server import ThreadedMotoServer

Put = Callable[[str, bytes], None]


@contextmanager
def s3_store() -> Iterator[tuple[str, Put]]:
    """An S3 bucket's URI, and a function that puts an object into it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        stack.callback(server.stop)
        patch.setenv("AWS_ENDPOINT_URL", address)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "loopback")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        client = boto3.client("s3")
        client.create_bucket(Bucket="sources")

        def put(name, content):
            client.put_object(Bucket="sources", Key=name, Body=content)

        yield "s3://sources", put
        s3fs.S3FileSystem.clear_instance_cache()


@contextmanager
def gs_store() -> Iterator[tuple[str, Put]]:
    """A Cloud Storage bucket's URI, and a function that puts an object into it."""
    server = create_server("127.0.0.1", 0, in_memory=True, default_bucket="sources")
    server.start()
    address = f"http://127.0.0.1:{server._api._httpd.server_port}"
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        stack.callback(server.stop)
        patch.setenv("STORAGE_EMULATOR_HOST", address)
        gcsfs.GCSFileSystem.clear_instance_cache()

        def put(name, content):
            query = urlencode({"uploadType": "media", "name": name})
            url = f"{address}/upload/storage/v1/b/sources/o?{query}"
            urlopen(Request(url, content, {"Content-Type": "text/plain"})).close()

        yield "gs://sources", put
        gcsfs.GCSFileSystem.clear_instance_cache()
