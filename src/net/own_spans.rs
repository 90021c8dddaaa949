//! Watchgate's own spans to a Zipkin, through opentelemetry-zipkin. Off by default.
//!
//! Everything that knows that crate is in this file. Own spans never enter our own receivers: they
//! go straight to the address given.

#![expect(deprecated, reason = "opentelemetry-zipkin is deprecated upstream; this file is all that must be replaced")]

use std::time::Duration;

use bytes::Bytes;
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use opentelemetry_zipkin::ZipkinExporter;

/// Zipkin answers fast or not at all; spans about ourselves are not worth waiting for.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Sends what the exporter encoded; it runs on the batch processor's own thread, so it enters the
/// gateway's runtime to do I/O.
#[derive(Debug)]
struct Client {
    http: reqwest::Client,
    runtime: tokio::runtime::Handle,
}

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let http = self.http.clone();
        let (head, body) = request.into_parts();
        let sent = self.runtime.spawn(async move {
            let url = head.uri.to_string();
            let response = http.request(head.method, url).headers(head.headers).body(body).send().await?;
            let status = response.status();
            Ok::<_, reqwest::Error>((status, response.bytes().await?))
        });
        let (status, body) = sent.await??;
        Ok(Response::builder().status(status).body(body)?)
    }
}

/// Why own spans cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The HTTP client.
    #[error("cannot set up the client for own spans: {0}")]
    Client(#[from] reqwest::Error),
    /// The exporter.
    #[error("cannot set up the exporter for own spans: {0}")]
    Exporter(#[from] opentelemetry_zipkin::ExporterBuildError),
}

/// A provider whose spans go to the Zipkin at `endpoint` (`http://…:9411/api/v2/spans`).
///
/// # Errors
/// When the client cannot be built or the endpoint is no URL.
pub fn provider(endpoint: &str) -> Result<SdkTracerProvider, SetupError> {
    let client = Client { http: super::client::client(TIMEOUT)?, runtime: tokio::runtime::Handle::current() };
    let exporter = ZipkinExporter::builder().with_http_client(client).with_collector_endpoint(endpoint).build()?;
    let resource = Resource::builder().with_service_name("watchgate").build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}
