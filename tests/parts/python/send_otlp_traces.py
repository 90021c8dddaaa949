"""Spans by the OpenTelemetry SDK over OTLP/HTTP or, to grpc://…, gRPC: traces of ten, with events, errors and every attribute type."""

import time

import grpc
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.trace import SpanKind, Status, StatusCode, format_span_id, format_trace_id, set_span_in_context

from sending import BIG, UNICODE, WAIT_SECONDS_MAX, Counting, arguments, finish, item

KINDS = [SpanKind.SERVER, SpanKind.CLIENT, SpanKind.PRODUCER, SpanKind.CONSUMER, SpanKind.INTERNAL]
TRACE_SPANS = 10


def exporter_to(url):
    if url.startswith("grpc://"):
        return GrpcExporter(endpoint=url.replace("grpc://", "http://"), compression=grpc.Compression.Gzip)
    return HttpExporter(endpoint=f"{url}/v1/traces", compression=Compression.Gzip)


def main():
    url, count, mark = arguments()
    started = time.monotonic()
    exporter = Counting(exporter_to(url), SpanExportResult.SUCCESS)
    provider = TracerProvider(resource=Resource.create({"service.name": f"otel-{mark}", "host.name": "web-1"}))
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=count + 1))
    tracer = provider.get_tracer("watchgate.tests", "1.0")
    root = None
    for seq in range(count):
        parent = None if seq % TRACE_SPANS == 0 else set_span_in_context(root)
        attributes = {"mark": mark, "seq": seq, "big": BIG, "text": UNICODE, "ratio": 0.25, "ok": True, "list": ["a", "b"]}
        span = tracer.start_span(f"op-{seq % 7}", context=parent, kind=KINDS[seq % 5], attributes=attributes)
        span.add_event("retry", {"attempt": 2})
        if seq % 100 == 99:
            span.set_status(Status(StatusCode.ERROR, "declined"))
        span.end()
        root = span if parent is None else root
        context = span.get_span_context()
        item(seq=seq, traceId=format_trace_id(context.trace_id), id=format_span_id(context.span_id))
    provider.force_flush(WAIT_SECONDS_MAX * 1000)
    provider.shutdown()
    finish(mark, count, exporter.failed, started)


main()
