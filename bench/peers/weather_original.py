"""The original's way: kafka-python polls, each poll's reports become a pandas frame and a Parquet file on HDFS, then a checkpoint.

Started with the URL of the log, the URL of the storage, a topic and how many rows to store; all partitions in one process. Prints one
JSON object: the rows stored, the files written, and the seconds and processor seconds from the first poll on."""
import json
import os
import sys
import time
from urllib.parse import urlsplit

import fsspec
import pandas
import pyarrow
import pyarrow.parquet
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from kafka import KafkaConsumer, TopicPartition

log, storage, topic, wanted = urlsplit(sys.argv[1]), urlsplit(sys.argv[2]), sys.argv[3], int(sys.argv[4])
files = fsspec.filesystem("webhdfs", host=storage.hostname, port=storage.port, user=storage.username)
FOLDER = storage.path


def report_class():
    """What protoc would make of schema/report.proto."""
    file = descriptor_pb2.FileDescriptorProto(name="report.proto", syntax="proto3")
    message = file.message_type.add(name="Report")
    optional = descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL
    for number, (name, kind) in enumerate([("date", 9), ("degrees", 1), ("station_id", 9)], start=1):
        message.field.add(name=name, number=number, label=optional, type=kind)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("Report"))


Report = report_class()


def decode(value):
    report = Report()
    report.ParseFromString(value)
    return {"station_id": report.station_id, "date": report.date, "degrees": report.degrees}


def write(partition, batch, messages):
    table = pyarrow.Table.from_pandas(pandas.DataFrame([decode(message.value) for message in messages]))
    path = f"{FOLDER}/partition-{partition}-batch-{batch}.parquet"
    with files.open(f"{path}.tmp", "wb", replication=2) as file:
        pyarrow.parquet.write_table(table, file)
    files.mv(f"{path}.tmp", path)


def checkpoint(partition, batch, offset):
    path = f"{FOLDER}/partition-{partition}.json"
    with files.open(f"{path}.tmp", "wb") as file:
        file.write(json.dumps({"batch_id": batch, "offset": offset}).encode())
    if files.exists(path):
        files.rm(path)
    files.mv(f"{path}.tmp", path)


consumer = KafkaConsumer(bootstrap_servers=log.netloc.split(","), enable_auto_commit=False)
partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic))]
consumer.assign(partitions)
consumer.seek_to_beginning()
files.makedirs(FOLDER, exist_ok=True)
batches = {partition: 0 for partition in partitions}
rows = 0
started, used = time.perf_counter(), time.process_time()
while rows < wanted:
    for partition, messages in consumer.poll(1000).items():
        write(partition.partition, batches[partition], messages)
        checkpoint(partition.partition, batches[partition], consumer.position(partition))
        batches[partition] += 1
        rows += len(messages)
seconds, cpu = time.perf_counter() - started, time.process_time() - used
print(json.dumps({"rows": rows, "files": sum(batches.values()), "seconds": seconds, "cpuSeconds": cpu}))
sys.stdout.flush()
os._exit(0)
