"""What the peers share: the question, HDFS through fsspec's WebHDFS, and how a step is timed.

A peer is started with the URLs of the source and of the storage, a county and how often to repeat; it prints one JSON object:
seconds per step (imports and connections of HDFS excluded), the averages it found, and the peak resident memory in MB."""
import json
import os
import resource
import sys
import time
from urllib.parse import urlsplit

SQL = (
    "SELECT l.*, t.loan_type_name FROM loans l JOIN loan_types t ON l.loan_type_id = t.id"
    " WHERE l.loan_amount > 30000 AND l.loan_amount < 800000"
)
LOANS = "/peer.parquet"


class Peer:
    def __init__(self, hdfs_by_fsspec=True):
        source, storage, county, repeats = sys.argv[1:5]
        self.source = urlsplit(source)
        self.source_url = source
        self.county = int(county)
        self.repeats = int(repeats)
        self.storage = urlsplit(storage)
        if hdfs_by_fsspec:
            import fsspec

            self.files = fsspec.filesystem(
                "webhdfs", host=self.storage.hostname, port=self.storage.port, user=self.storage.username
            )
        self.steps = {}
        self.averages = set()

    def time(self, name, step, repeats=1):
        """Runs a step and notes the seconds of each run; a number that it returns is an average."""
        for _ in range(repeats):
            started = time.perf_counter()
            result = step()
            self.steps.setdefault(name, []).append(time.perf_counter() - started)
            if result is not None:
                self.averages.add(int(result))

    def report(self):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        print(json.dumps({"steps": self.steps, "averages": sorted(self.averages), "peakResidentMb": peak}), flush=True)
        # At once: threads of Arrow's that outlive the interpreter were seen to end it with SIGABRT.
        os._exit(0)
