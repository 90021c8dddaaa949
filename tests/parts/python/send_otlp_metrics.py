"""Metrics by the OpenTelemetry SDK over OTLP/HTTP, every instrument; what is collected goes to each of the URLs alike."""

import time

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource

from sending import UNICODE, WAIT_SECONDS_MAX, arguments, finish, item

ROUNDS = 2


class Tee(MetricExporter):
    """The same data to several endpoints; counts the requests that one of them did not take."""

    def __init__(self, urls):
        super().__init__()
        self.failed = 0
        self.exporters = [
            OTLPMetricExporter(endpoint=f"{url}/v1/metrics", compression=Compression.Gzip) for url in urls
        ]

    def export(self, metrics_data, timeout_millis=10_000, **kwargs):
        for exporter in self.exporters:
            if exporter.export(metrics_data, timeout_millis=timeout_millis) is not MetricExportResult.SUCCESS:
                self.failed += 1
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis=10_000):
        return True

    def shutdown(self, timeout_millis=30_000, **kwargs):
        for exporter in self.exporters:
            exporter.shutdown()


def main():
    urls, count, mark = arguments()
    started = time.monotonic()
    tee = Tee(urls.split(","))
    resource = Resource.create({"service.name": f"otel-{mark}", "service.instance.id": "i-1", "host.name": "web-1"})
    provider = MeterProvider(
        resource=resource,
        metric_readers=[PeriodicExportingMetricReader(tee, export_interval_millis=3_600_000)],
        views=[View(instrument_name="payload.size", aggregation=ExponentialBucketHistogramAggregation())],
    )
    meter = provider.get_meter("watchgate.tests", "1.0")
    orders = meter.create_counter("orders", unit="{order}", description="orders placed")
    waiting = meter.create_up_down_counter("queue.waiting", unit="1")
    latency = meter.create_histogram("request.duration", unit="ms")
    size = meter.create_histogram("payload.size", unit="By")
    load = meter.create_gauge("cpu.load", unit="1")
    rooms = [lambda options: [Observation(21.5, {"room.name": UNICODE})]]
    meter.create_observable_gauge("room.temperature", rooms, unit="Cel")
    for number in range(ROUNDS):
        for seq in range(count):
            attributes = {"order.set": seq, "ok": seq % 2 == 0, "share": seq / 4, "tags": ["a", "b"]}
            orders.add(seq + 1, attributes)
            waiting.add(1 - 2 * number, attributes)
            latency.record(seq * 7.5, attributes)
            size.record(seq * 1000.25 + number, attributes)
            load.set(seq / 3, attributes)
        provider.force_flush(WAIT_SECONDS_MAX * 1000)
        time.sleep(0.01)
    provider.shutdown()
    for seq in range(count):
        item(seq=seq)
    finish(mark, count, tee.failed, started)


main()
