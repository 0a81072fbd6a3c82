"""A server of S3 on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager

import fsspec
import pytest


@contextmanager
def object_store() -> Iterator[str]:
    """The address of an empty bucket; environment variables say where its server is."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ({"AWS_ENDPOINT_URL": f"http://{host}:{port}"} | keys).items():
            patch.setenv(name, value)
        store = fsspec.filesystem("s3", skip_instance_cache=True)
        if store.exists("pictures"):  # moto keeps buckets
            store.rm("pictures", recursive=True)
        store.makedirs("pictures")
        yield "s3://pictures"
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    server.stop()
