"""Spans by py_zipkin as Zipkin v2 JSON: traces of a hundred, client and server, with tags and annotations."""

import time
import urllib.parse

from py_zipkin import Encoding, Kind
from py_zipkin.transport import SimpleHTTPTransport
from py_zipkin.util import create_attrs_for_span
from py_zipkin.zipkin import zipkin_span

from sending import BIG, UNICODE, arguments, finish, item

TRACE_SPANS = 100


def trace(transport, service, mark, first, count):
    """One trace: a server span and its children, sent when the root closes."""
    attributes = create_attrs_for_span(sample_rate=100.0, use_128bit_trace_id=True)
    tags = lambda seq: {"mark": mark, "seq": str(seq), "big": str(BIG), "text": UNICODE}
    with zipkin_span(
        service_name=service, span_name="root", zipkin_attrs=attributes, transport_handler=transport, port=8080,
        host="127.0.0.1", kind=Kind.SERVER, binary_annotations=tags(first), encoding=Encoding.V2_JSON,
    ):  # fmt: skip
        item(seq=first, traceId=attributes.trace_id, id=attributes.span_id)
        for seq in range(first + 1, first + count):
            with zipkin_span(
                service_name=service, span_name=f"child-{seq % 7}", kind=Kind.CLIENT, binary_annotations=tags(seq),
                annotations={"sent": time.time()},
            ) as child:  # fmt: skip
                item(seq=seq, traceId=child.zipkin_attrs.trace_id, id=child.zipkin_attrs.span_id)


class Counting(SimpleHTTPTransport):
    """Counts the requests that the gateway did not take: the library only logs them."""

    failed = 0

    def send(self, payload):
        try:
            super().send(payload)
        except Exception:
            self.failed += 1
            raise


def main():
    url, count, mark = arguments()
    started = time.monotonic()
    address = urllib.parse.urlsplit(url)
    transport = Counting(address.hostname, address.port)
    for first in range(0, count, TRACE_SPANS):
        trace(transport, f"py-{mark}", mark, first, min(TRACE_SPANS, count - first))
    finish(mark, count, transport.failed, started)


main()
