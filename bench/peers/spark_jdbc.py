"""(d) PySpark on two threads of this machine, reading by JDBC and writing to HDFS; the session's start is not counted.

Takes one more argument: the jar of the JDBC driver."""
import json
import sys
from urllib.request import Request, urlopen

from pyspark.sql import SparkSession

from peer import SQL, Peer

peer = Peer(hdfs_by_fsspec=False)
source, storage = peer.source, peer.storage
page = f"http://{storage.hostname}:{storage.port}/conf?name=fs.defaultFS"
with urlopen(Request(page, headers={"accept": "application/json"})) as answer:
    hdfs = json.load(answer)["property"]["value"]
spark = (
    SparkSession.builder.master("local[2]")
    .config("spark.jars", sys.argv[5])
    .config("spark.driver.memory", "2g")
    .config("spark.ui.enabled", "false")
    .config("spark.hadoop.dfs.replication", "2")
    # The harness's DataNodes listen at their names' addresses, not at the one that they registered from.
    .config("spark.hadoop.dfs.client.use.datanode.hostname", "true")
    .getOrCreate()
)
spark.range(1).count()


def migrate():
    rows = (
        spark.read.format("jdbc")
        # As "mysql", for which Spark quotes column names as MySQL does; "mariadb" it would take for text.
        .option(
            "url",
            f"jdbc:mysql://{source.hostname}:{source.port}{source.path}?permitMysqlScheme&useServerPrepStmts=false",
        )
        .option("driver", "org.mariadb.jdbc.Driver")
        .option("user", source.username)
        .option("password", source.password)
        .option("query", SQL)
        .option("fetchsize", 1000)
        .load()
    )
    rows.write.mode("overwrite").parquet(f"{hdfs}/peer-spark.parquet")


peer.time("migrate", migrate)
peer.report()
