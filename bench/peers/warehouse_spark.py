"""A day of the warehouse as somebody would write it for PySpark: the CSV to Parquet on HDFS, the same SQL, the results by JDBC into PostgreSQL.

Takes a JSON object: see bench/warehouseSpark.ts. The start of the session is not counted; prints the seconds of each day."""
import json
import sys
import time

from pyspark.sql import SparkSession

plan = json.loads(sys.argv[1])
builder = SparkSession.builder.master(plan["master"])
for name, value in plan["settings"].items():
    builder = builder.config(name, str(value))
spark = builder.config("spark.jars", plan["jdbcDriver"]).getOrCreate()
spark.sparkContext.setLogLevel("ERROR")
spark.range(1).count()


def day(date, csv, before):
    folder = f"{plan['hdfs']}/peer"
    rows = spark.read.csv(f"file://{csv}", header=True, schema=plan["schema"], multiLine=True, escape='"')
    rows.write.mode("overwrite").parquet(f"{folder}/dt={date}/citizens")
    citizens = spark.read.parquet(f"{folder}/dt={date}/citizens")
    citizens.createOrReplaceTempView("citizens")
    earlier = spark.read.parquet(f"{folder}/dt={before}/citizens") if before else citizens.limit(0)
    earlier.createOrReplaceTempView("previous_citizens")
    for table in plan["references"]:
        reference = spark.read.csv(f"file://{table['csv']}", header=True)
        reference.createOrReplaceTempView(table["name"])
    for transform in plan["transforms"]:
        name = transform["name"]
        kept = f"{folder}/dt={date}/{name}"
        if transform["empty"]:
            previous = spark.read.parquet(f"{folder}/dt={before}/{name}") if before else spark.sql(transform["empty"])
            previous.createOrReplaceTempView(f"previous_{name}")
        result = spark.sql(transform["sql"], args={"date": date})
        if transform["empty"]:
            # The next day goes on from it.
            result.write.mode("overwrite").parquet(kept)
            result = spark.read.parquet(kept)
        dated = result.selectExpr("*", f"DATE '{date}' AS logical_date")
        latest = transform["keeps"] == "latest"
        dated.write.jdbc(
            plan["jdbcUrl"],
            f"peer_{name}",
            mode="overwrite" if latest else "append",
            properties={
                "driver": "org.postgresql.Driver",
                "user": plan["user"],
                "password": plan["password"],
                "batchsize": "10000",
                "truncate": "true",
            },
        )


seconds = []
for each in plan["days"]:
    started = time.perf_counter()
    day(each["date"], each["csv"], each["before"])
    seconds.append(time.perf_counter() - started)
spark.stop()
print(json.dumps({"seconds": seconds}))
