"""The original's way to send a file: blocks in base64 within JSON, one record each, with their digest; the receiver decodes, checks, writes the block and its
metadata, acknowledges and commits.

Started as: files_original.py send <log> <topic prefix> <file> <block bytes>
        or: files_original.py receive <log> <topic prefix> <folder>, which prints "ready" when it has its partitions.
Both print one JSON object at the end: the seconds from their first block on, processor seconds and peak resident memory."""
import base64
import hashlib
import json
import os
import resource
import sys
import time
from urllib.parse import urlsplit

from confluent_kafka import Consumer, Producer

role, log, prefix = sys.argv[1], urlsplit(sys.argv[2]), sys.argv[3]
brokers = {"bootstrap.servers": log.netloc}
BLOCKS, ACKNOWLEDGMENTS = f"{prefix}data-blocks", f"{prefix}block-acknowledgments"


def make_producer():
    return Producer({**brokers, "acks": "all", "message.max.bytes": 1_100_000})


def send(file, block_bytes):
    producer = make_producer()
    size = os.path.getsize(file)
    total = -(-size // block_bytes)
    with open(file, "rb") as source:
        for number in range(total):
            data = source.read(block_bytes)
            message = {
                "file_name": os.path.basename(file),
                "file_size": size,
                "block_number": number,
                "total_blocks": total,
                "checksum": hashlib.sha256(data).hexdigest(),
                "timestamp": time.time(),
                "data": base64.b64encode(data).decode(),
            }
            while True:
                try:
                    producer.produce(BLOCKS, json.dumps(message).encode(), key=str(number))
                    break
                except BufferError:
                    producer.poll(0.1)
            producer.poll(0)
    producer.flush()


def receive(folder):
    consumer = Consumer({**brokers, "group.id": f"{prefix}processors", "auto.offset.reset": "earliest",
                         "enable.auto.commit": False, "fetch.message.max.bytes": 1_100_000})
    consumer.subscribe([BLOCKS], on_assign=lambda *_: print("ready", flush=True))
    producer = make_producer()
    os.makedirs(folder, exist_ok=True)
    received, total, started = 0, None, None
    while received != total:
        message = consumer.poll(1)
        if message is None:
            continue
        if message.error():
            sys.exit(f"expected a block, got {message.error()}")
        started = started or time.perf_counter()
        block = json.loads(message.value())
        data = base64.b64decode(block.pop("data"))
        if hashlib.sha256(data).hexdigest() != block["checksum"]:
            sys.exit("expected the block's digest")
        name = f"{folder}/block_{block['block_number']:04d}"
        with open(f"{name}.bin", "wb") as file:
            file.write(data)
        with open(f"{name}_metadata.json", "w") as file:
            json.dump(block, file)
        producer.produce(ACKNOWLEDGMENTS, json.dumps({"block_number": block["block_number"], "status": "processed"}).encode())
        producer.poll(0)
        consumer.commit(message)
        received, total = received + 1, block["total_blocks"]
    producer.flush()
    consumer.close()
    return started


started = time.perf_counter()
if role == "send":
    send(sys.argv[4], int(sys.argv[5]))
else:
    started = receive(sys.argv[4])
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({
    "seconds": time.perf_counter() - started,
    "cpuSeconds": usage.ru_utime + usage.ru_stime,
    "peakResidentMb": usage.ru_maxrss * 1024 / 1e6,
}))
