"""The plain Spark job that Kandle is measured beside: Kafka -> a row per trade, candles of five seconds -> Cassandra.

Says READY when its session is there, begins at the first line of its standard input, works off the raw batches that
wait in the topic, says DONE, and ends when its standard input does.
"""

import sys

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

BATCH = "records array<struct<id string, record struct<s string, p double, t bigint, v double>>>"


def main() -> None:
    brokers, topic, host, port, keyspace, jars, folder = sys.argv[1:]
    spark = (
        SparkSession.builder.appName("trades-and-candles")
        .master("local[2]")
        .config("spark.sql.shuffle.partitions", 4)
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.ui.enabled", False)
        .config("spark.ui.showConsoleProgress", False)
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.extraClassPath", f"{jars}/*")
        .config("spark.local.dir", f"{folder}/local")
        .config("spark.cassandra.connection.host", host)
        .config("spark.cassandra.connection.port", port)
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    print("READY", flush=True)
    sys.stdin.readline()

    trades = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", brokers)
        .option("subscribe", topic)
        .option("startingOffsets", "earliest")
        .load()
        .select(F.from_json(F.col("value").cast("string"), BATCH).alias("batch"))
        .select(F.explode("batch.records").alias("r"))
        .select(
            F.col("r.record.s").alias("symbol"),
            F.timestamp_millis(F.col("r.record.t")).alias("time"),
            F.col("r.id").alias("id"),
            F.col("r.record.p").alias("price"),
            F.col("r.record.v").alias("size"),
        )
        .withColumn("hour", F.date_trunc("hour", "time"))
    )
    arrival = F.struct("time", "id")
    candles = (
        trades.withWatermark("time", "1 minute")
        .groupBy(F.window("time", "5 seconds"), "symbol")
        .agg(
            F.min_by("price", arrival).alias("open"),
            F.max("price").alias("high"),
            F.min("price").alias("low"),
            F.max_by("price", arrival).alias("close"),
            F.sum("size").alias("volume"),
            F.count("*").alias("trade_count"),
        )
        .withColumn("start", F.col("window.start"))
        .withColumn("day", F.to_date("start"))
        .drop("window")
    )

    def into(table: str):
        def write(rows: DataFrame, _: int) -> None:
            rows.write.format("org.apache.spark.sql.cassandra").options(keyspace=keyspace, table=table).mode("append").save()

        return write

    queries = [
        rows.writeStream.outputMode(mode)
        .option("checkpointLocation", f"{folder}/checkpoint-{table}")
        .trigger(availableNow=True)
        .foreachBatch(into(table))
        .start()
        for rows, mode, table in [(trades, "append", "trades"), (candles, "update", "candles")]
    ]
    for query in queries:
        query.awaitTermination()
    print("DONE", flush=True)
    sys.stdin.read()
    spark.stop()


main()
