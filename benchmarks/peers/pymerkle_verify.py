"""pymerkle: texts read out of SQLite, a Merkle tree built over them, its root compared with the one from before."""

import json
import sqlite3
import sys
import tempfile
import time

from pymerkle import InmemoryTree

count = int(sys.argv[1])
with tempfile.NamedTemporaryFile() as file:
    connection = sqlite3.connect(file.name)
    connection.execute("CREATE TABLE entry (n INTEGER PRIMARY KEY, text BLOB)")
    texts = (
        (n, json.dumps([n, 1_700_000_000_000_000 + n, "alarm.acknowledge", f"AT-{n % 400}.HH", "x" * 180]).encode())
        for n in range(count)
    )
    connection.executemany("INSERT INTO entry VALUES (?, ?)", texts)
    connection.commit()

    def root() -> bytes:
        tree = InmemoryTree(algorithm="sha256")
        for (text,) in connection.execute("SELECT text FROM entry ORDER BY n"):
            tree.append_entry(text)
        return tree.get_state()

    start = time.perf_counter()
    found = root()
    seconds = time.perf_counter() - start
    print(json.dumps({"events": count, "seconds": seconds, "rate": count / seconds, "found": found.hex() != ""}))
