"""What two copies of a file through the broker cost librdkafka: its chunks as they are produced, then consumed; nothing is checked or stored.

Started with the URL of the log, a topic that is there, a file and the bytes of a chunk. Prints one JSON object: the seconds and processor seconds of both
copies."""
import json
import sys
import time
from urllib.parse import urlsplit

from confluent_kafka import Consumer, Producer, TopicPartition

log, topic, file, chunk_bytes = urlsplit(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
brokers = {"bootstrap.servers": log.netloc}


def produce():
    producer = Producer({**brokers, "acks": "all", "enable.idempotence": True, "message.max.bytes": 1_100_000,
                         "queue.buffering.max.kbytes": 8_192})
    failures = []
    sent = 0
    with open(file, "rb", buffering=0) as source:
        while data := source.read(chunk_bytes):
            while True:
                try:
                    producer.produce(topic, data, partition=0, on_delivery=lambda error, _: error and failures.append(error))
                    break
                except BufferError:
                    producer.poll(0.1)
            producer.poll(0)
            sent += len(data)
    producer.flush()
    if failures:
        sys.exit(f"expected all chunks to be taken, {failures[0]}")
    return sent


def consume(wanted):
    consumer = Consumer({**brokers, "group.id": "floor", "enable.auto.commit": False, "queued.max.messages.kbytes": 8_192})
    consumer.assign([TopicPartition(topic, 0, 0)])
    received = 0
    while received < wanted:
        for message in consumer.consume(16, 1):
            if message.error():
                sys.exit(f"expected a chunk, got {message.error()}")
            received += len(message.value())
    consumer.close()


def timed(work, *args):
    started, used = time.perf_counter(), time.process_time()
    result = work(*args)
    return result, time.perf_counter() - started, time.process_time() - used


sent, produce_seconds, produce_cpu = timed(produce)
_, consume_seconds, consume_cpu = timed(consume, sent)
print(json.dumps({"seconds": produce_seconds + consume_seconds, "cpuSeconds": produce_cpu + consume_cpu}))
