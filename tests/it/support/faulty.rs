//! A store that fails as told: an HTTP server whose answers a test programs and changes while it runs.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A request that came, and what it got.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The body.
    pub body: Bytes,
    /// The status it was answered with.
    pub status: u16,
}

/// What a request looks like to the program that answers it.
#[derive(Clone, Debug)]
pub struct Request {
    /// The body.
    pub body: Bytes,
    /// Requests in progress, this one included.
    pub in_progress: usize,
}

type Later = Pin<Box<dyn Future<Output = (u16, String)> + Send>>;
type Program = Box<dyn Fn(Request) -> Later + Send + Sync>;

#[derive(Clone)]
struct Shared {
    program: Arc<Mutex<Arc<Program>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
    in_progress: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

/// The server.
pub struct Faulty {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    shared: Shared,
    server: JoinHandle<()>,
}

impl Faulty {
    /// Starts on a free port; every request is answered with `status` and an empty object.
    pub async fn start(status: u16) -> Self {
        let program: Program = Box::new(move |_| Box::pin(async move { (status, "{}".to_owned()) }));
        let shared = Shared {
            program: Arc::new(Mutex::new(Arc::new(program))),
            seen: Arc::default(),
            in_progress: Arc::default(),
            most: Arc::default(),
        };
        let router = Router::new().fallback(answer).with_state(shared.clone());
        let router = router.layer(axum::extract::DefaultBodyLimit::disable());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { url, shared, server }
    }

    /// From now on requests are answered as `program` says.
    pub fn program<F>(&self, program: impl Fn(Request) -> F + Send + Sync + 'static)
    where
        F: Future<Output = (u16, String)> + Send + 'static,
    {
        *self.shared.program.lock() = Arc::new(Box::new(move |request| Box::pin(program(request))));
    }

    /// From now on every request is answered with `status`.
    pub fn answer(&self, status: u16) {
        self.program(move |_| async move { (status, "{}".to_owned()) });
    }

    /// Every request so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().clone()
    }

    /// The most requests there were at once.
    pub fn most_in_progress(&self) -> usize {
        self.shared.most.load(Ordering::SeqCst)
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(shared): State<Shared>, body: Bytes) -> Response {
    let in_progress = shared.in_progress.fetch_add(1, Ordering::SeqCst) + 1;
    shared.most.fetch_max(in_progress, Ordering::SeqCst);
    let program = Arc::clone(&shared.program.lock());
    let (status, text) = program(Request { body: body.clone(), in_progress }).await;
    shared.in_progress.fetch_sub(1, Ordering::SeqCst);
    shared.seen.lock().push(Seen { body, status });
    (StatusCode::from_u16(status).expect("a status"), text).into_response()
}

/// An Elasticsearch' answer to `_bulk`: the status of each document by its source line.
pub fn bulk_answer(body: &[u8], status_of: impl Fn(&str, &str) -> u16) -> String {
    let text = String::from_utf8_lossy(body);
    let lines: Vec<&str> = text.lines().collect();
    let items: Vec<serde_json::Value> = lines
        .chunks(2)
        .map(|pair| {
            let status = status_of(pair[0], pair.get(1).copied().unwrap_or_default());
            match status {
                200..300 => serde_json::json!({ "create": { "status": status } }),
                _ => serde_json::json!({ "create": { "status": status, "_index": "i",
                    "error": { "type": "told_to", "reason": "told to" } } }),
            }
        })
        .collect();
    let errors = items.iter().any(|item| item["create"]["status"].as_u64().is_some_and(|status| status >= 300));
    serde_json::json!({ "errors": errors, "items": items }).to_string()
}
