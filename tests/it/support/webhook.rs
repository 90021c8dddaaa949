//! A webhook receiver in the test: keeps every notification with the moment it came.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::{Json, Router, routing};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::process::until;

/// A server on loopback that answers 200 to every `POST /`.
pub struct Webhook {
    /// Where notifications go.
    pub url: String,
    received: Received,
    server: JoinHandle<()>,
}

type Received = Arc<Mutex<Vec<(Instant, Value)>>>;

impl Webhook {
    /// Listens on a free port.
    pub async fn start() -> Self {
        Self::start_at(0).await
    }

    /// Listens on `port`.
    pub async fn start_at(port: u16) -> Self {
        let received = Received::default();
        let keep = async |State(received): State<Received>, Json(body): Json<Value>| {
            received.lock().push((Instant::now(), body));
        };
        let router = Router::new().route("/", routing::post(keep)).with_state(received.clone());
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("its address"));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("the webhook serves") });
        Self { url, received, server }
    }

    /// An Alertmanager configuration with this one receiver, which notifies at once.
    pub fn config(&self) -> String {
        format!(
            "route: {{ receiver: test, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h }}\n\
             receivers: [{{ name: test, webhook_configs: [{{ url: '{}', send_resolved: true }}] }}]\n",
            self.url
        )
    }

    /// Every notification so far, and when it came.
    pub fn all(&self) -> Vec<(Instant, Value)> {
        self.received.lock().clone()
    }

    /// How many notifications told that an alert of this name is `status`.
    pub fn count(&self, alertname: &str, status: &str) -> usize {
        let tells = |body: &Value| {
            body["alerts"].as_array().is_some_and(|alerts| {
                alerts.iter().any(|alert| alert["labels"]["alertname"] == alertname && alert["status"] == status)
            })
        };
        self.received.lock().iter().filter(|(_, body)| tells(body)).count()
    }

    /// The first notification with `status` for an alert of this name, and when it came.
    pub async fn wait_for(&self, alertname: &str, status: &str, patience: Duration) -> (Instant, Value) {
        until(&format!("a notification that {alertname} is {status}"), patience, async || {
            let wanted = |body: &Value| {
                body["alerts"].as_array().is_some_and(|alerts| {
                    alerts.iter().any(|alert| alert["labels"]["alertname"] == alertname && alert["status"] == status)
                })
            };
            self.received.lock().iter().find(|(_, body)| wanted(body)).cloned()
        })
        .await
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.server.abort();
    }
}
