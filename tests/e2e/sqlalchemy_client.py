"""What a program with SQLAlchemy does, of version 1.4 or 2, against the server whose URL is given; prints JSON."""

import json
import sys

import sqlalchemy as sa
from clickhouse_connect.cc_sqlalchemy.datatypes.sqltypes import DateTime64, String, UInt32
from clickhouse_connect.cc_sqlalchemy.ddl.tableengine import MergeTree

seen = {"version": sa.__version__[:2].rstrip(".")}
engine = sa.create_engine(sys.argv[1])
tables = sa.MetaData()
actions = sa.Table(
    "alchemy",
    tables,
    sa.Column("user", UInt32, primary_key=True),
    sa.Column("country", String),
    sa.Column("at", DateTime64(3)),
    MergeTree(order_by="user"),
)
with engine.begin() as connection:
    connection.execute(sa.text("DROP TABLE IF EXISTS alchemy"))
    tables.create_all(connection)
    rows = [{"user": n, "country": "DE" if n % 3 else "FR", "at": 1_600_000_000_000 + n} for n in range(30)]
    connection.execute(actions.insert(), rows)

inspector = sa.inspect(engine)
seen["tables"] = "alchemy" in inspector.get_table_names()
seen["columns"] = [column["name"] for column in inspector.get_columns("alchemy")]
reflected = sa.Table("alchemy", sa.MetaData(), autoload_with=engine)
seen["reflected"] = [str(column.type) for column in reflected.columns]

with engine.connect() as connection:
    count = sa.func.count().label("n")
    by_country = sa.select(actions.c.country, count).where(actions.c.user < 10)
    by_country = by_country.group_by(actions.c.country).order_by(actions.c.country)
    seen["by_country"] = [list(row) for row in connection.execute(by_country)]
    bound = sa.text("SELECT user FROM alchemy WHERE country = :country ORDER BY user LIMIT 2")
    seen["bound"] = [row[0] for row in connection.execute(bound, {"country": "FR"})]
    try:
        connection.execute(sa.text("SELECT nothing FROM alchemy"))
    except Exception as error:
        seen["error"] = "47" in str(error)
print(json.dumps(seen))
