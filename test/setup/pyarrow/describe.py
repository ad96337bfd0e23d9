"""Prints what PyArrow finds in Parquet files of temperatures: columns, rows, and each station's rows and degrees."""

import json
import sys

import pyarrow.compute as compute
import pyarrow.parquet as parquet

tables = [parquet.read_table(path) for path in sys.argv[1:]]
stations = {}
for table in tables:
    sums = table.group_by("station_id").aggregate([("degrees", "sum"), ("degrees", "count")])
    for row in sums.to_pylist():
        station = stations.setdefault(row["station_id"], {"rows": 0, "degrees": 0.0})
        station["rows"] += row["degrees_count"]
        station["degrees"] += row["degrees_sum"]

dates = [compute.min_max(table["date"]).as_py() for table in tables if table.num_rows > 0]
print(
    json.dumps(
        {
            "columns": [[f"{field.name} {field.type}" for field in table.schema] for table in tables],
            "rows": [table.num_rows for table in tables],
            "first": min((bounds["min"] for bounds in dates), default=None),
            "last": max((bounds["max"] for bounds in dates), default=None),
            "stations": stations,
        }
    )
)
