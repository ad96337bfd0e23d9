"""(b) connectorx to Arrow, pyarrow to Parquet."""
import connectorx
import pyarrow.parquet

from peer import LOANS, SQL, Peer

peer = Peer()


def migrate():
    table = connectorx.read_sql(peer.source_url, SQL, return_type="arrow")
    with peer.files.open(LOANS, "wb", replication=2) as file:
        pyarrow.parquet.write_table(table, file)


peer.time("migrate", migrate)
peer.report()
