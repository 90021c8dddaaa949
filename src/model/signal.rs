//! What kind of telemetry a request carries, and in which form its bytes are.

use std::fmt;

/// One of the three signals; each has a journal of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Signal {
    /// Samples of series.
    Metrics = 1,
    /// Log records.
    Logs = 2,
    /// Spans.
    Traces = 3,
}

impl Signal {
    /// Every signal, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Metrics, Self::Logs, Self::Traces];

    /// The name used in paths, labels and configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Logs => "logs",
            Self::Traces => "traces",
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The protocol message a frame's decompressed payload is. Numbers are on disk: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum WireFormat {
    /// `prometheus.WriteRequest`, remote write 1.0.
    RemoteWriteV1 = 1,
    /// `ExportTraceServiceRequest`, protobuf.
    OtlpTraces = 2,
    /// `ExportLogsServiceRequest`, protobuf.
    OtlpLogs = 3,
    /// A JSON array of Zipkin v2 spans.
    ZipkinJson = 4,
    /// Elasticsearch `_bulk` NDJSON; the frame's context holds the default index of the path.
    Bulk = 5,
}

impl WireFormat {
    /// The signal whose journal holds frames of this format.
    #[must_use]
    pub const fn signal(self) -> Signal {
        match self {
            Self::RemoteWriteV1 => Signal::Metrics,
            Self::OtlpTraces | Self::ZipkinJson => Signal::Traces,
            Self::OtlpLogs | Self::Bulk => Signal::Logs,
        }
    }

    /// The name used in metrics, logs and errors.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RemoteWriteV1 => "remote_write_v1",
            Self::OtlpTraces => "otlp_traces",
            Self::OtlpLogs => "otlp_logs",
            Self::ZipkinJson => "zipkin_json",
            Self::Bulk => "bulk",
        }
    }
}

impl TryFrom<u8> for WireFormat {
    type Error = u8;

    fn try_from(number: u8) -> Result<Self, u8> {
        [Self::RemoteWriteV1, Self::OtlpTraces, Self::OtlpLogs, Self::ZipkinJson, Self::Bulk]
            .into_iter()
            .find(|format| *format as u8 == number)
            .ok_or(number)
    }
}

/// How a payload is compressed. Numbers are on disk: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Encoding {
    /// Not compressed.
    Identity = 0,
    /// Snappy block format, as in remote write.
    Snappy = 1,
    /// Gzip (RFC 1952), one or more members.
    Gzip = 2,
    /// Zstandard (RFC 8878), one or more frames.
    Zstd = 3,
}

impl TryFrom<u8> for Encoding {
    type Error = u8;

    fn try_from(number: u8) -> Result<Self, u8> {
        [Self::Identity, Self::Snappy, Self::Gzip, Self::Zstd]
            .into_iter()
            .find(|encoding| *encoding as u8 == number)
            .ok_or(number)
    }
}

/// Where a frame came from. Numbers are on disk: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Origin {
    /// A sender's request.
    Received = 1,
    /// Made by Watchgate from logs or spans.
    Derived = 2,
    /// The result of a recording rule.
    Recorded = 3,
}

impl TryFrom<u8> for Origin {
    type Error = u8;

    fn try_from(number: u8) -> Result<Self, u8> {
        [Self::Received, Self::Derived, Self::Recorded].into_iter().find(|origin| *origin as u8 == number).ok_or(number)
    }
}
