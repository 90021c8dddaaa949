//! The messages of OTLP by the names of their JSON members: which field each is, and of which type.
//!
//! Schemas: `opentelemetry/proto/{collector/…,trace,logs,resource,common}/v1/*.proto`.

/// A message's members.
#[derive(Debug)]
pub(super) struct Message {
    /// For errors.
    pub(super) name: &'static str,
    pub(super) members: &'static [Member],
    /// Whether at most one member may be set.
    pub(super) one_of: bool,
}

/// One member of a message.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: &'static str,
    /// The field's number in protobuf.
    pub(super) number: u32,
    pub(super) kind: Kind,
    /// Whether it is a list of values.
    pub(super) repeated: bool,
}

/// A value's type: how it is written in JSON and in protobuf.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Text,
    /// Bytes in hexadecimal: trace and span ids.
    Hex,
    /// Bytes in base64.
    Base64,
    Bool,
    /// `uint32`.
    Uint32,
    /// An enum, as a number.
    Enum,
    /// `int64`, as a number or in a string.
    Int64,
    Fixed32,
    /// `fixed64`, as a number or in a string.
    Fixed64,
    Double,
    Message(&'static Message),
}

const fn one(name: &'static str, number: u32, kind: Kind) -> Member {
    Member { name, number, kind, repeated: false }
}

const fn many(name: &'static str, number: u32, kind: Kind) -> Member {
    Member { name, number, kind, repeated: true }
}

const fn message(name: &'static str, members: &'static [Member]) -> Message {
    Message { name, members, one_of: false }
}

/// `ExportTraceServiceRequest`.
pub(super) static TRACES: Message =
    message("ExportTraceServiceRequest", &[many("resourceSpans", 1, Kind::Message(&RESOURCE_SPANS))]);

/// `ExportLogsServiceRequest`.
pub(super) static LOGS: Message =
    message("ExportLogsServiceRequest", &[many("resourceLogs", 1, Kind::Message(&RESOURCE_LOGS))]);

static RESOURCE_SPANS: Message = message(
    "ResourceSpans",
    &[
        one("resource", 1, Kind::Message(&RESOURCE)),
        many("scopeSpans", 2, Kind::Message(&SCOPE_SPANS)),
        one("schemaUrl", 3, Kind::Text),
    ],
);

static SCOPE_SPANS: Message = message(
    "ScopeSpans",
    &[one("scope", 1, Kind::Message(&SCOPE)), many("spans", 2, Kind::Message(&SPAN)), one("schemaUrl", 3, Kind::Text)],
);

static SPAN: Message = message(
    "Span",
    &[
        one("traceId", 1, Kind::Hex),
        one("spanId", 2, Kind::Hex),
        one("traceState", 3, Kind::Text),
        one("parentSpanId", 4, Kind::Hex),
        one("flags", 16, Kind::Fixed32),
        one("name", 5, Kind::Text),
        one("kind", 6, Kind::Enum),
        one("startTimeUnixNano", 7, Kind::Fixed64),
        one("endTimeUnixNano", 8, Kind::Fixed64),
        many("attributes", 9, Kind::Message(&KEY_VALUE)),
        one("droppedAttributesCount", 10, Kind::Uint32),
        many("events", 11, Kind::Message(&EVENT)),
        one("droppedEventsCount", 12, Kind::Uint32),
        many("links", 13, Kind::Message(&LINK)),
        one("droppedLinksCount", 14, Kind::Uint32),
        one("status", 15, Kind::Message(&STATUS)),
    ],
);

static EVENT: Message = message(
    "Event",
    &[
        one("timeUnixNano", 1, Kind::Fixed64),
        one("name", 2, Kind::Text),
        many("attributes", 3, Kind::Message(&KEY_VALUE)),
        one("droppedAttributesCount", 4, Kind::Uint32),
    ],
);

static LINK: Message = message(
    "Link",
    &[
        one("traceId", 1, Kind::Hex),
        one("spanId", 2, Kind::Hex),
        one("traceState", 3, Kind::Text),
        many("attributes", 4, Kind::Message(&KEY_VALUE)),
        one("droppedAttributesCount", 5, Kind::Uint32),
        one("flags", 6, Kind::Fixed32),
    ],
);

static STATUS: Message = message("Status", &[one("message", 2, Kind::Text), one("code", 3, Kind::Enum)]);

static RESOURCE_LOGS: Message = message(
    "ResourceLogs",
    &[
        one("resource", 1, Kind::Message(&RESOURCE)),
        many("scopeLogs", 2, Kind::Message(&SCOPE_LOGS)),
        one("schemaUrl", 3, Kind::Text),
    ],
);

static SCOPE_LOGS: Message = message(
    "ScopeLogs",
    &[
        one("scope", 1, Kind::Message(&SCOPE)),
        many("logRecords", 2, Kind::Message(&LOG_RECORD)),
        one("schemaUrl", 3, Kind::Text),
    ],
);

static LOG_RECORD: Message = message(
    "LogRecord",
    &[
        one("timeUnixNano", 1, Kind::Fixed64),
        one("observedTimeUnixNano", 11, Kind::Fixed64),
        one("severityNumber", 2, Kind::Enum),
        one("severityText", 3, Kind::Text),
        one("body", 5, Kind::Message(&ANY_VALUE)),
        many("attributes", 6, Kind::Message(&KEY_VALUE)),
        one("droppedAttributesCount", 7, Kind::Uint32),
        one("flags", 8, Kind::Fixed32),
        one("traceId", 9, Kind::Hex),
        one("spanId", 10, Kind::Hex),
        one("eventName", 12, Kind::Text),
    ],
);

static RESOURCE: Message = message(
    "Resource",
    &[
        many("attributes", 1, Kind::Message(&KEY_VALUE)),
        one("droppedAttributesCount", 2, Kind::Uint32),
        many("entityRefs", 3, Kind::Message(&ENTITY_REF)),
    ],
);

static ENTITY_REF: Message = message(
    "EntityRef",
    &[
        one("schemaUrl", 1, Kind::Text),
        one("type", 2, Kind::Text),
        many("idKeys", 3, Kind::Text),
        many("descriptionKeys", 4, Kind::Text),
    ],
);

static SCOPE: Message = message(
    "InstrumentationScope",
    &[
        one("name", 1, Kind::Text),
        one("version", 2, Kind::Text),
        many("attributes", 3, Kind::Message(&KEY_VALUE)),
        one("droppedAttributesCount", 4, Kind::Uint32),
    ],
);

static KEY_VALUE: Message =
    message("KeyValue", &[one("key", 1, Kind::Text), one("value", 2, Kind::Message(&ANY_VALUE))]);

static ANY_VALUE: Message = Message {
    name: "AnyValue",
    members: &[
        one("stringValue", 1, Kind::Text),
        one("boolValue", 2, Kind::Bool),
        one("intValue", 3, Kind::Int64),
        one("doubleValue", 4, Kind::Double),
        one("arrayValue", 5, Kind::Message(&ARRAY_VALUE)),
        one("kvlistValue", 6, Kind::Message(&KEY_VALUE_LIST)),
        one("bytesValue", 7, Kind::Base64),
    ],
    one_of: true,
};

static ARRAY_VALUE: Message = message("ArrayValue", &[many("values", 1, Kind::Message(&ANY_VALUE))]);

static KEY_VALUE_LIST: Message = message("KeyValueList", &[many("values", 1, Kind::Message(&KEY_VALUE))]);
