"""(a) The original's way: pandas over mysql-connector, pyarrow, partitions as files of their own."""
import mysql.connector
import pandas
import pyarrow
import pyarrow.parquet

from peer import LOANS, SQL, Peer

peer = Peer()
PARTITION = f"/peer-partitions/{peer.county}.parquet"


def migrate():
    source = peer.source
    connection = mysql.connector.connect(
        host=source.hostname,
        port=source.port,
        user=source.username,
        password=source.password,
        database=source.path[1:],
    )
    cursor = connection.cursor()
    cursor.execute(SQL)
    rows = cursor.fetchall()
    frame = pandas.DataFrame(rows, columns=cursor.column_names)
    connection.close()
    with peer.files.open(LOANS, "wb", replication=2) as file:
        pyarrow.parquet.write_table(pyarrow.Table.from_pandas(frame), file)


def create():
    with peer.files.open(LOANS, "rb") as file:
        table = pyarrow.parquet.read_table(file, filters=[("county_code", "=", peer.county)])
    with peer.files.open(PARTITION, "wb", replication=1) as file:
        pyarrow.parquet.write_table(table, file)
    return table.column("loan_amount").to_pandas().mean()


def reuse():
    with peer.files.open(PARTITION, "rb") as file:
        table = pyarrow.parquet.read_table(file, columns=["loan_amount"])
    return table.column("loan_amount").to_pandas().mean()


peer.time("migrate", migrate)
peer.time("create", create, peer.repeats)
peer.time("reuse", reuse, peer.repeats)
peer.report()
