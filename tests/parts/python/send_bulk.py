"""Documents by Elasticsearch's own client: helpers.bulk to a data stream, each with its own `_id`."""

import datetime
import time

from elasticsearch import Elasticsearch
from elasticsearch.helpers import streaming_bulk

from sending import BIG, UNICODE, WAIT_SECONDS_MAX, arguments, finish, item

STREAM = "logs-shop-default"


def documents(count, mark):
    start = datetime.datetime.now(datetime.timezone.utc)
    for seq in range(count):
        at = start + datetime.timedelta(microseconds=seq)
        source = {
            "@timestamp": at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "message": f"{UNICODE} {seq}",
            "mark": mark,
            "seq": seq,
            "big": BIG,
            "log": {"level": "error" if seq % 10 == 0 else "info"},
            "pay": {"channel": "card", "items": [{"sku": "a"}, {"sku": "b"}]},
        }
        yield {"_op_type": "create", "_index": STREAM, "_id": f"{mark}-{seq}", "_source": source}


def main():
    url, count, mark = arguments()
    started = time.monotonic()
    client = Elasticsearch(url, request_timeout=WAIT_SECONDS_MAX, http_compress=True)
    failed = 0
    for seq, (ok, answer) in enumerate(streaming_bulk(client, documents(count, mark), raise_on_error=False)):
        item(seq=seq, ok=ok, status=answer["create"]["status"], id=f"{mark}-{seq}")
        failed += not ok
    finish(mark, count, failed, started)


main()
