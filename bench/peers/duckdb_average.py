"""(c) An average from the whole file, by DuckDB over fsspec; the file is the one that Millrace wrote."""
import duckdb

from peer import Peer

peer = Peer()
duckdb.register_filesystem(peer.files)
QUESTION = (
    "SELECT floor(avg(loan_amount)) FROM read_parquet('webhdfs:///hdma-wi-2021.parquet')"
    f" WHERE county_code = {peer.county}"
)

peer.time("average", lambda: duckdb.sql(QUESTION).fetchall()[0][0], peer.repeats)
peer.report()
