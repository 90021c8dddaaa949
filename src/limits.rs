//! Every bound in one place, with its unit and its reason.
//!
//! Bounds that users may set live in [`Limits`]; the constants are those that follow from a
//! protocol or from the format on disk.

/// Largest request body in bytes, as received and after decompression (OTLP 1.11 recommends 64 MiB).
pub const REQUEST_BYTES_MAX: u64 = 64 << 20;

/// Bytes of requests, decompressed bodies and batches in flight, over all connections.
pub const MEMORY_BYTES: u64 = 64 << 20;

/// Live series the engine remembers; a further one is not evaluated, and counted.
pub const SERIES_MAX: u64 = 2_000_000;

/// Labels of one series; Prometheus' own default bound is none, Mimir's is 30: generous.
pub const LABELS_MAX: usize = 256;

/// Bytes of one label name.
pub const LABEL_NAME_BYTES_MAX: usize = 1024;

/// Bytes of one label value.
pub const LABEL_VALUE_BYTES_MAX: usize = 64 << 10;

/// Depth of nested `AnyValue`s and JSON: a parser's stack follows it.
pub const NESTING_MAX: usize = 32;

/// Buckets or quantiles of one OTLP data point; SDKs send 160 at most.
pub const HISTOGRAM_BUCKETS_MAX: usize = 1 << 16;

/// `target_info` samples between the first and the last point of one OTLP resource: 41 hours, one each 150 s.
pub const TARGET_INFO_SAMPLES_MAX: u64 = 1000;

/// Bytes of a frame's context (the default index of `/{index}/_bulk`).
pub const CONTEXT_BYTES_MAX: usize = 1024;

/// Actions of one `_bulk` request: each is answered by itself, in many times the bytes it may have. Clients
/// send some thousands.
pub const BULK_ACTIONS_MAX: usize = 200_000;

/// Bytes of one frame's payload in the journal: what a reader allocates on the word of a checked header.
pub const FRAME_BYTES_MAX: usize = 1 << 30;

/// Bytes of a journal segment: large enough that rolls are rare, small enough that retention is fine-grained.
pub const SEGMENT_BYTES: u64 = 64 << 20;

/// Ranges a cursor keeps beyond its contiguous position; more than any exporter has requests in flight.
pub const CURSOR_RANGES_MAX: usize = 128;

/// Batches of one exporter set aside for an index that refuses us; each is a hole before its cursor's ranges.
pub const PARKED_BATCHES_MAX: usize = CURSOR_RANGES_MAX / 2;

/// Bytes that they hold; beyond, the exporter waits for that index.
pub const PARKED_BYTES_MAX: usize = 16 << 20;

/// Decompressed bytes of one remote-write request to Prometheus, which answers 400 beyond (journal.md).
pub const PROMETHEUS_REQUEST_BYTES_MAX: usize = 32 << 20;

/// Operators in a row in a PromQL expression: evaluation recurses, and a thread's 2 MiB of stack hold this many.
pub const EXPR_DEPTH_MAX: usize = 256;

/// Brackets within brackets in a PromQL expression; each costs more stack than an operator does.
pub const EXPR_NESTING_MAX: usize = 64;

/// Steps of a subquery: each is an evaluation of what is in it.
pub const SUBQUERY_STEPS_MAX: i64 = 100_000;

/// Samples that one query of the API may copy out of the engine: 32 MB, and the engine waits while they are copied.
pub const QUERY_SAMPLES_MAX: usize = 2_000_000;

/// Queries of the API at once; each may hold its samples and its result.
pub const QUERIES_MAX: usize = 2;

/// How long one query of the API may take, in milliseconds.
pub const QUERY_TIMEOUT_MS: i64 = 30_000;

/// Points of subqueries that one query may make, over all its instants: they are memory (16 bytes each) and time.
pub const QUERY_POINTS_MAX: usize = 10_000_000;

/// Groups of alerts alive at once; a further one is not notified, and counted.
pub const ALERT_GROUPS_MAX: usize = 100_000;

/// Requests to one notification target at once: a slow target holds up none but itself.
pub const NOTIFICATIONS_IN_FLIGHT_MAX: usize = 8;

/// Bytes of a notification target's answer that are read, so that its connection can be used again.
pub const NOTIFICATION_ANSWER_BYTES_MAX: usize = 64 << 10;

/// Bytes of a file that holds a secret; more is a mistake.
pub const SECRET_BYTES_MAX: u64 = 64 << 10;

/// What decoders enforce on one request and its items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// See [`REQUEST_BYTES_MAX`].
    pub request_bytes_max: u64,
    /// See [`MEMORY_BYTES`].
    pub memory_bytes: u64,
    /// See [`SERIES_MAX`].
    pub series_max: u64,
    /// See [`LABELS_MAX`].
    pub labels_max: usize,
    /// See [`LABEL_NAME_BYTES_MAX`].
    pub label_name_bytes_max: usize,
    /// See [`LABEL_VALUE_BYTES_MAX`].
    pub label_value_bytes_max: usize,
    /// See [`NESTING_MAX`].
    pub nesting_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_bytes_max: REQUEST_BYTES_MAX,
            memory_bytes: MEMORY_BYTES,
            series_max: SERIES_MAX,
            labels_max: LABELS_MAX,
            label_name_bytes_max: LABEL_NAME_BYTES_MAX,
            label_value_bytes_max: LABEL_VALUE_BYTES_MAX,
            nesting_max: NESTING_MAX,
        }
    }
}
