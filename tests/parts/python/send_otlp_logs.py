"""Log records by the OpenTelemetry SDK over OTLP/HTTP or, to grpc://…, gRPC: text and structured bodies, nested attributes, a trace context."""

import time

import grpc
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExportResult
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from sending import BIG, UNICODE, WAIT_SECONDS_MAX, Counting, arguments, finish, item

SEVERITIES = [(SeverityNumber.INFO, "INFO"), (SeverityNumber.WARN, "WARN"), (SeverityNumber.ERROR, "ERROR")]


def exporter_to(url):
    if url.startswith("grpc://"):
        return GrpcExporter(endpoint=url.replace("grpc://", "http://"), compression=grpc.Compression.Gzip)
    return HttpExporter(endpoint=f"{url}/v1/logs", compression=Compression.Gzip)


def main():
    url, count, mark = arguments()
    started = time.monotonic()
    exporter = Counting(exporter_to(url), LogRecordExportResult.SUCCESS)
    provider = LoggerProvider(resource=Resource.create({"service.name": f"otel-{mark}", "host.name": "web-1"}))
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter, max_queue_size=count + 1))
    logger = provider.get_logger("watchgate.tests", "1.0")
    start = time.time_ns()
    for seq in range(count):
        trace, span = 0xABCDEF << 64 | seq + 1, 0x1000 + seq
        severity, text = SEVERITIES[seq % 3]
        record = LogRecord(
            timestamp=start + seq,
            context=set_span_in_context(NonRecordingSpan(SpanContext(trace, span, False, TraceFlags(1)))),
            severity_number=severity,
            severity_text=text,
            body=f"{UNICODE} {seq}",
            attributes={"mark": mark, "seq": seq, "big": BIG, "pay": {"channel": "card", "tries": [1, 2]}, "ok": True},
        )
        logger.emit(record)
        item(seq=seq, traceId=f"{trace:032x}", spanId=f"{span:016x}", timeUnixNano=str(start + seq))
    provider.force_flush(WAIT_SECONDS_MAX * 1000)
    provider.shutdown()
    finish(mark, count, exporter.failed, started)


main()
