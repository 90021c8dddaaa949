//! OTLP/gRPC on `listen.grpc`: unary `Export` of traces and logs.
//!
//! A unary call is one POST over HTTP/2 whose body is a five-byte prefix and a message, answered by
//! another such body and trailers. That little is written here rather than taken from a framework:
//! bodies then go through the same [`Gate`] as over HTTP, are admitted by the memory budget as they
//! arrive, decompressed within the same bounds, and journalled as they came.
//!
//! Errors are answers without a body whose headers are the trailers. UNAVAILABLE carries `RetryInfo`;
//! nothing else does, so that senders repeat nothing that would be refused again.
//!
//! <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};

use super::gate::{Gate, RETRY_AFTER_SECONDS, Received, Refused, encoding_named, media_type};
use super::otlp::{self, Rejected, Service};
use crate::codec::proto::{put_bytes_field, put_varint_field};
use crate::model::signal::Encoding;

const MEDIA_TYPE: &str = "application/grpc";
/// What a message may be compressed with, beside nothing.
const ENCODINGS: &str = "identity,gzip,zstd";
/// A flag and a length before each message.
const PREFIX_BYTES: usize = 5;
/// Bytes of a status message: it travels in a header, and clients allow 8 KiB of them.
const MESSAGE_BYTES_MAX: usize = 1024;

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const STATUS_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const STATUS_DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
/// Where gRPC's libraries put a detail that is a message of its own; OpenTelemetry's Python SDK looks here only.
const RETRY_INFO: HeaderName = HeaderName::from_static("google.rpc.retryinfo-bin");

/// The services of `listen.grpc`.
pub fn router(gate: Gate) -> Router {
    Router::new()
        .route("/opentelemetry.proto.collector.trace.v1.TraceService/Export", post(traces))
        .route("/opentelemetry.proto.collector.logs.v1.LogsService/Export", post(logs))
        .fallback(any(unimplemented))
        .with_state(gate)
        .layer(middleware::from_fn(super::own_span))
}

async fn traces(State(gate): State<Gate>, headers: HeaderMap, body: Body) -> Response {
    export(&gate, &otlp::TRACES, &headers, body).await
}

async fn logs(State(gate): State<Gate>, headers: HeaderMap, body: Body) -> Response {
    export(&gate, &otlp::LOGS, &headers, body).await
}

async fn unimplemented(uri: Uri, headers: HeaderMap) -> Response {
    let message = format!("{} is not served here: send OTLP traces or logs", uri.path());
    if is_grpc(&headers) { failure(&Refused::Unsupported(message)) } else { no_grpc() }
}

async fn export(gate: &Gate, service: &Service, headers: &HeaderMap, body: Body) -> Response {
    if !is_grpc(headers) {
        return no_grpc();
    }
    match take(gate, service, headers, body).await {
        Ok(rejected) => success(rejected.as_ref()),
        Err(refused) => {
            gate.count_refused(service.format, &refused);
            failure(&refused)
        }
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    matches!(media_type(headers).as_str(), MEDIA_TYPE | "application/grpc+proto")
}

/// gRPC's answer to what is none.
fn no_grpc() -> Response {
    let message = "only OTLP/gRPC (application/grpc over HTTP/2) is served here: send OTLP/HTTP to listen.ingest\n";
    (StatusCode::UNSUPPORTED_MEDIA_TYPE, message).into_response()
}

async fn take(gate: &Gate, service: &Service, headers: &HeaderMap, body: Body) -> Result<Option<Rejected>, Refused> {
    let name = headers.get(ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some(encoding) = encoding_named(name) else {
        return Err(Refused::Unsupported(format!("grpc-encoding {name:?} is not supported: send {ENCODINGS}")));
    };
    let mut message = gate.collect(headers, body, PREFIX_BYTES as u64).await?;
    let compressed = open(&mut message.raw)?;
    if compressed && encoding == Encoding::Identity {
        return Err(Refused::Malformed("the message is compressed, but no grpc-encoding says how".to_owned()));
    }
    let received: Received = gate.unpack(message, if compressed { encoding } else { Encoding::Identity })?;
    service.store(gate, received).await
}

/// Takes the prefix off a call's only message; answers whether it is compressed.
fn open(body: &mut Bytes) -> Result<bool, Refused> {
    let Some(&[flag, a, b, c, d]) = body.first_chunk::<PREFIX_BYTES>() else {
        return Err(Refused::Malformed("a unary call needs one message, this one has none".to_owned()));
    };
    let (claimed, found) = (u32::from_be_bytes([a, b, c, d]) as usize, body.len() - PREFIX_BYTES);
    if flag > 1 || claimed != found {
        let message =
            format!("a unary call needs one message: its prefix is flag {flag}, {claimed} bytes; {found} came");
        return Err(Refused::Malformed(message));
    }
    let _ = body.split_to(PREFIX_BYTES);
    Ok(flag == 1)
}

fn success(rejected: Option<&Rejected>) -> Response {
    let message = otlp::response(rejected);
    let len = u32::try_from(message.len()).unwrap_or(u32::MAX);
    let framed = [&[0][..], &len.to_be_bytes(), &message].concat();
    let trailers = HeaderMap::from_iter([(STATUS, HeaderValue::from_static("0"))]);
    let body = Full::new(Bytes::from(framed)).with_trailers(std::future::ready(Some(Ok(trailers))));
    (head(), Body::new(body)).into_response()
}

fn head() -> [(HeaderName, HeaderValue); 2] {
    [
        (header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE)),
        (ACCEPT_ENCODING, HeaderValue::from_static(ENCODINGS)),
    ]
}

fn failure(refused: &Refused) -> Response {
    let mut response = (head(), Body::empty()).into_response();
    let headers = response.headers_mut();
    headers.insert(STATUS, HeaderValue::from(otlp::rpc_code(refused)));
    if let Ok(message) = HeaderValue::try_from(percent_encoded(&refused.to_string())) {
        headers.insert(STATUS_MESSAGE, message);
    }
    if matches!(refused, Refused::Busy(_) | Refused::Slow(_)) {
        let retry = retry_info();
        let mut detail = Vec::new();
        put_bytes_field(&mut detail, 1, b"type.googleapis.com/google.rpc.RetryInfo");
        put_bytes_field(&mut detail, 2, &retry);
        let mut details = otlp::status(refused);
        put_bytes_field(&mut details, 3, &detail);
        for (name, bytes) in [(STATUS_DETAILS, details), (RETRY_INFO, retry)] {
            if let Ok(value) = HeaderValue::try_from(STANDARD_NO_PAD.encode(bytes)) {
                headers.insert(name, value);
            }
        }
    }
    response
}

/// `google.rpc.RetryInfo{retry_delay=1{seconds=1}}`.
fn retry_info() -> Vec<u8> {
    let (mut delay, mut info) = (Vec::new(), Vec::new());
    put_varint_field(&mut delay, 1, RETRY_AFTER_SECONDS.parse().unwrap_or(1));
    put_bytes_field(&mut info, 1, &delay);
    info
}

/// A status message as its header wants it: printable ASCII, the rest as `%XX`.
fn percent_encoded(message: &str) -> String {
    let mut out = String::new();
    for byte in message.bytes().take(MESSAGE_BYTES_MAX) {
        match byte {
            b' '..=b'~' if byte != b'%' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_must_say_what_came() {
        let taken: [(&[u8], bool, &[u8]); 3] = [
            (b"\x00\x00\x00\x00\x02ab", false, b"ab"),
            (b"\x01\x00\x00\x00\x01a", true, b"a"),
            (b"\x00\x00\x00\x00\x00", false, b""),
        ];
        for (bytes, compressed, message) in taken {
            let mut body = Bytes::from_static(bytes);
            assert_eq!(open(&mut body).ok(), Some(compressed), "{bytes:?}");
            assert_eq!(body, message, "{bytes:?}");
        }
        let refused: [&[u8]; 4] =
            [b"", b"\x02\x00\x00\x00\x01a", b"\x00\xff\xff\xff\xffa", b"\x00\x00\x00\x00\x01a\x00\x00\x00\x00\x01a"];
        for bytes in refused {
            assert!(open(&mut Bytes::from_static(bytes)).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn status_messages_are_printable() {
        assert_eq!(percent_encoded("100 % \"é\"\n"), "100 %25 \"%C3%A9\"%0A");
    }

    #[test]
    fn only_a_full_gateway_asks_to_come_back() {
        let full = failure(&Refused::Busy("full".into()));
        let value = |name: &HeaderName| full.headers().get(name).and_then(|value| value.to_str().ok());
        assert_eq!((value(&STATUS), value(&STATUS_MESSAGE)), (Some("14"), Some("full")));
        assert_eq!(value(&RETRY_INFO).map(|text| STANDARD_NO_PAD.decode(text).unwrap()), Some(vec![10, 2, 8, 5]));
        let details = STANDARD_NO_PAD.decode(value(&STATUS_DETAILS).unwrap()).unwrap();
        assert!(details.starts_with(b"\x08\x0e\x12\x04full\x1a\x30\x0a\x28type.googleapis.com/google.rpc.RetryInfo"));
        for (refused, code) in [
            (Refused::TooLarge("".into()), "8"),
            (Refused::Malformed("".into()), "3"),
            (Refused::Unsupported("".into()), "12"),
        ] {
            let headers = failure(&refused).headers().clone();
            assert_eq!(headers[STATUS], code);
            assert!(!headers.contains_key(STATUS_DETAILS) && !headers.contains_key(RETRY_INFO));
        }
    }
}
