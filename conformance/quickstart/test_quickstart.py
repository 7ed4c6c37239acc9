"""The small programs beside this file, each in the shape of a vendor's quick start, run as they are."""

import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
PRINTED = {
    "chroma": [
        "nearest: ['id1', 'id2'] This is a document about pineapple",
        "deleted: {'deleted': 1}",
        "left: ['id2'] 1",
        "deleted: {'deleted': 1}",
        "left: 0",
        "collections: []",
    ],
    "pinecone": ["records: 3", "nearest: rec1 history", "records: 0", "records: 0", "indexes: []"],
    "moorcheh": ["upload: queued", "nearest: doc1", "deleted: 1 left: 1", "found: ['doc2']", "namespaces: []"],
}


@pytest.mark.parametrize("vendor", PRINTED)
def test_quickstart(lacuna, key, vendor):
    environment = {**os.environ, "LACUNA_URL": lacuna.url, "LACUNA_KEY": key, "MOORCHEH_API_KEY": key, "ANONYMIZED_TELEMETRY": "False"}
    command = [sys.executable, str(HERE / f"{vendor}_quickstart.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == PRINTED[vendor]
